import { describe, expect, it } from 'vitest';

import { leaseCommand, parseLease } from '../../src/tools/udhcpc.ts';

const told = `ip=192.0.2.103
mask=24
router=192.0.2.1 192.0.2.254
dns=192.0.2.1 2001:db8::53
domain=lan.example
lease=600
serverid=192.0.2.1
`;

describe('parseLease', () => {
  it('reads what the server gave', () => {
    expect(parseLease(told)).toEqual({
      address: '192.0.2.103',
      prefixLength: 24,
      router: '192.0.2.1',
      nameservers: ['192.0.2.1', '2001:db8::53'],
      searchDomains: ['lan.example'],
      seconds: 600,
      server: '192.0.2.1',
    });
  });

  it('does without router, name servers and domain', () => {
    const text = told.replace(/^(router|dns|domain)=.*$/gm, '$1=');
    expect(parseLease(text)).toMatchObject({ router: undefined, nameservers: [], searchDomains: [] });
  });

  it.each([
    ['no address', told.replace('192.0.2.103', '')],
    ['nothing', ''],
    ['an address that is none', told.replace('192.0.2.103', '192.0.2.103;reboot')],
  ])('refuses %s', (_what, text) => {
    expect(() => parseLease(text)).toThrow();
  });

  it('takes no domain that would be more than a name in resolv.conf', () => {
    expect(parseLease(told.replace('lan.example', 'a.example "x;y"')).searchDomains).toEqual(['a.example']);
  });
});

describe('leaseCommand', () => {
  it('hands what it is told on as arguments, not as shell text', () => {
    const command = leaseCommand({
      parent: 'eno1',
      mac: '02:00:00:00:00:01',
      hostname: 'a',
      root: "/la'yer",
    });
    expect(command.slice(-5)).toEqual(['lease', 'eno1', '02:00:00:00:00:01', 'a', "/la'yer"]);
  });
});
