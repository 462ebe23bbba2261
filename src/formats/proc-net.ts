/** Sockets as the kernel lists them: proc_net(5) and, for SCTP, net/sctp/proc.c of Linux. */

import ipaddr from 'ipaddr.js';

export interface Socket {
  protocol: 'tcp' | 'udp' | 'sctp';
  /** IPv4 also where the socket is an IPv6 one that is bound to an IPv4 address. */
  address: string;
  port: number;
}

/**
 * Sockets that wait to be called: TCP ones that listen, UDP ones that are connected to nobody, SCTP endpoints.
 * @param file below /proc/net: tcp, tcp6, udp, udp6, sctp/eps
 * @param endianness of the host: addresses are printed as the numbers that its processor takes their bytes for
 */
export function readSockets(file: string, text: string, endianness: 'little' | 'big'): Socket[] {
  const lines = text
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields.length > 3);
  if (file === 'sctp/eps') return lines.flatMap(readEndpoint);
  const protocol = file.startsWith('tcp') ? 'tcp' : 'udp';
  // include/net/tcp_states.h: TCP_LISTEN, TCP_CLOSE
  const waiting = protocol === 'tcp' ? '0A' : '07';
  return lines.flatMap(([, local = '', , state]) => {
    const [address = '', port = ''] = local.split(':');
    if (state !== waiting || !/^([0-9A-F]{8}|[0-9A-F]{32})$/.test(address)) return [];
    return [{ protocol, address: readAddress(address, endianness), port: Number.parseInt(port, 16) }];
  });
}

/** ENDPT SOCK STY SST HBKT LPORT UID INODE LADDRS...; an address that is not in use yet has a star. */
function readEndpoint(fields: readonly string[]): Socket[] {
  const port = Number(fields[5]);
  return fields.slice(8).flatMap((text) => {
    const address = text.replace('*', '');
    return ipaddr.isValid(address)
      ? [{ protocol: 'sctp' as const, address: ipaddr.process(address).toString(), port }]
      : [];
  });
}

/** Four bytes at a time. */
function readAddress(hex: string, endianness: 'little' | 'big'): string {
  const bytes = (hex.match(/.{8}/g) ?? []).flatMap((word) => {
    const four = (word.match(/../g) ?? []).map((byte) => Number.parseInt(byte, 16));
    return endianness === 'little' ? four.reverse() : four;
  });
  return ipaddr.process(ipaddr.fromByteArray(bytes).toString()).toString();
}
