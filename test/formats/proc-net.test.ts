import { describe, expect, it } from 'vitest';

import { readSockets } from '../../src/formats/proc-net.ts';

const header =
  '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n';
const line = (local: string, remote: string, state: string) =>
  `   0: ${local} ${remote} ${state} 00000000:00000000 00:00000000 00000000     0        0 24057 1 0 100 0 0 10 0\n`;
const nobody = '00000000:0000';

describe('readSockets', () => {
  it('reads TCP sockets that listen, and none that talk', () => {
    const text =
      header +
      line('0100007F:1F90', nobody, '0A') +
      line('00000000:0016', nobody, '0A') +
      line('020200C0:0016', '010200C0:D431', '01');
    expect(readSockets('tcp', text, 'little')).toEqual([
      { protocol: 'tcp', address: '127.0.0.1', port: 8080 },
      { protocol: 'tcp', address: '0.0.0.0', port: 22 },
    ]);
  });

  it('reads UDP sockets that anybody may send to', () => {
    const text = header + line('3500007F:0035', nobody, '07') + line('020200C0:A2C4', '010200C0:0035', '01');
    expect(readSockets('udp', text, 'little')).toEqual([
      { protocol: 'udp', address: '127.0.0.53', port: 53 },
    ]);
  });

  it.each([
    ['00000000000000000000000000000000', '::'],
    ['00000000000000000000000001000000', '::1'],
    ['000000FD000000000000000002000000', 'fd00::2'],
    ['0000000000000000FFFF0000020200C0', '192.0.2.2'],
  ])('reads the IPv6 address %s', (hex, address) => {
    const text = header + line(`${hex}:0016`, '00000000000000000000000000000000:0000', '0A');
    expect(readSockets('tcp6', text, 'little')).toEqual([{ protocol: 'tcp', address, port: 22 }]);
  });

  it('reads addresses as a big-endian kernel prints them', () => {
    const text = header + line('7F000001:1F90', nobody, '0A');
    expect(readSockets('tcp', text, 'big')).toEqual([{ protocol: 'tcp', address: '127.0.0.1', port: 8080 }]);
  });

  it('reads SCTP endpoints with all of their addresses', () => {
    const text =
      ' ENDPT     SOCK   STY SST HBKT LPORT   UID INODE LADDRS\n' +
      'ffff8800 ffff8801 2   10  29   11165   200 3234 192.0.2.2 ::1 *192.0.2.3\n';
    expect(readSockets('sctp/eps', text, 'little')).toEqual(
      ['192.0.2.2', '::1', '192.0.2.3'].map((address) => ({ protocol: 'sctp', address, port: 11_165 })),
    );
  });

  it.each(['', header, 'nonsense\nmore of it\n'])('finds none in %j', (text) => {
    for (const file of ['tcp', 'udp6', 'sctp/eps']) expect(readSockets(file, text, 'little')).toEqual([]);
  });
});
