import { describe, expect, it } from 'vitest';
import {
  canonicalAddress,
  contains,
  familyOf,
  nthAddress,
  nthSubnet,
  overlaps,
  parseCidr,
  subnetsOf,
} from '../../src/formats/cidr.ts';

describe('parseCidr', () => {
  it('reads IPv4', () => {
    expect(parseCidr('10.244.0.0/16')).toEqual({
      family: 4,
      network: 0x0af40000n,
      prefix: 16,
      hostBits: false,
      text: '10.244.0.0/16',
    });
  });

  it('clears host bits and says that there were some', () => {
    expect(parseCidr('192.168.1.77/24')).toMatchObject({ hostBits: true, text: '192.168.1.0/24' });
    expect(parseCidr('fd00::1/64')).toMatchObject({ family: 6, hostBits: true, text: 'fd00::/64' });
  });

  it('reads the extremes', () => {
    expect(parseCidr('0.0.0.0/0')).toMatchObject({ network: 0n, hostBits: false });
    expect(parseCidr('255.255.255.255/32')).toMatchObject({ hostBits: false, text: '255.255.255.255/32' });
    expect(parseCidr('::/0')).toMatchObject({ family: 6, prefix: 0, hostBits: false });
  });

  it.each([
    '10.0.0.0',
    '10.1/16',
    '10.0.0.0/33',
    'fd00::/129',
    '256.0.0.0/8',
    '0x0a.0.0.0/8',
    '10.0.0.0/',
    '10.0.0.0/-1',
    ' 10.0.0.0/8',
    'fe80::1%eth0/64',
    'hello/8',
    '',
  ])('refuses %j', (text) => {
    expect(() => parseCidr(text)).toThrow(JSON.stringify(text));
  });
});

describe('overlaps', () => {
  it.each([
    ['10.0.0.0/8', '10.200.0.0/16', true],
    ['10.200.0.0/16', '10.0.0.0/8', true],
    ['10.0.0.0/16', '10.1.0.0/16', false],
    ['10.0.0.0/16', '10.0.0.0/16', true],
    ['0.0.0.0/0', '192.168.0.0/24', true],
    ['10.0.0.9/24', '10.0.0.128/25', true],
    ['fd00::/8', 'fd12:3456::/48', true],
    ['fd00::/64', 'fd00:0:0:1::/64', false],
    ['0.0.0.0/0', '::/0', false],
    ['::ffff:10.0.0.0/104', '10.0.0.0/8', false],
  ])('%s and %s: %s', (a, b, expected) => {
    expect(overlaps(a, b)).toBe(expected);
  });
});

describe('contains', () => {
  it.each([
    ['10.0.0.0/24', '10.0.0.255', true],
    ['10.0.0.0/24', '10.0.1.0', false],
    ['10.0.0.0/24', '10.0.0.128/25', true],
    ['10.0.0.0/24', '10.0.0.0/16', false],
    ['fd00::/64', 'fd00::7', true],
    ['fd00::/64', '10.0.0.1', false],
  ])('%s, %s: %s', (cidr, inner, expected) => {
    expect(contains(cidr, inner)).toBe(expected);
  });
});

describe('nthAddress', () => {
  it('counts from the network address, or back from the end', () => {
    expect(nthAddress('10.96.0.0/12', 1)).toBe('10.96.0.1');
    expect(nthAddress('10.96.0.0/12', 10)).toBe('10.96.0.10');
    expect(nthAddress('10.0.0.0/16', 256)).toBe('10.0.1.0');
    expect(nthAddress('192.168.7.0/24', -1)).toBe('192.168.7.255');
    expect(nthAddress('255.255.255.0/24', 255)).toBe('255.255.255.255');
  });

  it('counts IPv6 addresses as well', () => {
    expect(nthAddress('fd00:10:89::/64', 1)).toBe('fd00:10:89::1');
    expect(nthAddress('fd00:10:89::/64', 0x1_0000)).toBe('fd00:10:89::1:0');
    expect(nthAddress('fd00:10:89::/64', -1)).toBe('fd00:10:89:0:ffff:ffff:ffff:ffff');
    expect(nthAddress('::/0', -1)).toBe('ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff');
  });

  it.each([
    ['10.0.0.0/30', 4],
    ['10.0.0.0/30', -5],
    ['fd00::/126', 4],
    ['fd00::/126', -5],
  ])('refuses what lies outside of %s: %i', (cidr, n) => {
    expect(() => nthAddress(cidr, n)).toThrow(`${cidr} has no address number ${n}`);
  });
});

describe('subnetsOf', () => {
  it('cuts in order', () => {
    expect([...subnetsOf('10.244.0.0/22', 24)]).toEqual([
      '10.244.0.0/24',
      '10.244.1.0/24',
      '10.244.2.0/24',
      '10.244.3.0/24',
    ]);
    expect([...subnetsOf('10.0.0.0/24', 24)]).toEqual(['10.0.0.0/24']);
  });

  it('cuts IPv6', () => {
    expect([...subnetsOf('fd00:10:244::/54', 56)]).toEqual([
      'fd00:10:244::/56',
      'fd00:10:244:100::/56',
      'fd00:10:244:200::/56',
      'fd00:10:244:300::/56',
    ]);
  });

  it('is lazy', () => {
    expect(subnetsOf('0.0.0.0/0', 32).next().value).toBe('0.0.0.0/32');
    expect(subnetsOf('::/0', 128).next().value).toBe('::/128');
  });

  it('refuses to cut a subnet into larger ones', () => {
    expect(() => [...subnetsOf('10.0.0.0/24', 16)]).toThrow('10.0.0.0/24 holds no /16 subnets');
  });
});

describe('nthSubnet', () => {
  it('costs the same for every n', () => {
    expect(nthSubnet('10.244.0.0/16', 24, 255)).toBe('10.244.255.0/24');
    expect(nthSubnet('fd00:10:244::/56', 64, 255)).toBe('fd00:10:244:ff::/64');
    expect(nthSubnet('fd00::/8', 128, 2 ** 52)).toBe('fd00::10:0:0:0/128');
  });

  it.each([
    ['10.244.0.0/22', 24, 4],
    ['10.244.0.0/22', 24, -1],
    ['fd00:10:244::/56', 64, 256],
  ])('refuses what %s has not: a /%i number %i', (cidr, prefix, n) => {
    expect(() => nthSubnet(cidr, prefix, n)).toThrow(`${cidr} has no /${prefix} subnet number ${n}`);
  });
});

describe('addresses', () => {
  it.each([
    ['10.0.0.1', 4, '10.0.0.1'],
    ['FD00:0::1', 6, 'fd00::1'],
    ['::', 6, '::'],
    ['10.1', undefined, undefined],
    ['fe80::1%eth0', undefined, undefined],
    ['localhost', undefined, undefined],
  ])('%s is of family %s', (text, family, canonical) => {
    expect(familyOf(text)).toBe(family);
    expect(canonicalAddress(text)).toBe(canonical);
  });

  it('have a family as subnets, too', () => {
    expect([familyOf('10.0.0.0/8'), familyOf('fd00::/8'), familyOf('10.0.0.0/8/8')]).toEqual([
      4,
      6,
      undefined,
    ]);
  });
});
