import { describe, expect, it } from 'vitest';

import { InputError, KnestError } from '../../../src/errors.ts';
import type { SubnetInUse } from '../../../src/facts/types.ts';
import { chooseSubnets } from '../../../src/plan/network/subnets.ts';
import type { ClusterSpec } from '../../../src/spec/types.ts';

const open: ClusterSpec['network'] = {
  mode: 'bridge',
  nodeSubnet: undefined,
  podSubnet: undefined,
  serviceSubnet: undefined,
};
const eth0: SubnetInUse = { cidr: '192.0.2.0/24', usedBy: 'address of eth0', link: 'eth0' };
const used = (cidr: string, link = 'vpn0'): SubnetInUse => ({ cidr, usedBy: `route via ${link}`, link });
const facts = (...subnetsInUse: SubnetInUse[]) => ({
  subnetsInUse: [eth0, ...subnetsInUse],
  nameservers: [],
});

describe('chooseSubnets', () => {
  it('takes the first defaults on a host that uses none of them', () => {
    expect(chooseSubnets(open, facts(), 1)).toEqual({
      nodeSubnet: '10.89.0.0/24',
      podSubnet: '10.244.0.0/16',
      serviceSubnet: '10.96.0.0/16',
    });
  });

  it.each([
    ['a second cluster', [used('10.89.0.0/24'), used('10.244.0.0/24'), used('10.96.0.0/16')], '10.89.1.0/24'],
    [
      'a larger subnet around it',
      [used('10.88.0.0/15'), used('10.244.0.0/15'), used('10.96.0.0/16')],
      '172.31.0.0/24',
    ],
  ])('makes way for %s', (_, subnets, nodeSubnet) => {
    const chosen = chooseSubnets(open, facts(...subnets), 1);
    expect(chosen.nodeSubnet).toBe(nodeSubnet);
    expect(chosen.podSubnet).toMatch(/^10\.24[56]\.0\.0\/16$/);
    expect(chosen.serviceSubnet).toBe('10.97.0.0/16');
  });

  it('leaves 10.0.0.0/8 to a VPN that claims it', () => {
    expect(chooseSubnets(open, facts(used('10.0.0.0/8')), 3)).toEqual({
      nodeSubnet: '172.31.0.0/24',
      podSubnet: '172.28.0.0/16',
      serviceSubnet: '172.30.0.0/16',
    });
  });

  it('ignores default routes, IPv6 and what leads to its own bridge', () => {
    const own = used('10.89.0.0/24', 'kn-a');
    const chosen = chooseSubnets(open, facts(used('0.0.0.0/0'), used('fd00::/8'), own), 1, {
      ownBridge: 'kn-a',
    });
    expect(chosen.nodeSubnet).toBe('10.89.0.0/24');
    expect(chooseSubnets(open, facts(own), 1, { ownBridge: 'kn-b' }).nodeSubnet).toBe('10.89.1.0/24');
    expect(chooseSubnets(open, facts(own), 1).nodeSubnet).toBe('10.89.1.0/24');
  });

  it('keeps clear of a name server that is only reached by the default route', () => {
    expect(chooseSubnets(open, { subnetsInUse: [eth0], nameservers: ['10.244.7.7'] }, 1).podSubnet).toBe(
      '10.245.0.0/16',
    );
  });

  it('chooses the rest around what is given', () => {
    const chosen = chooseSubnets({ ...open, serviceSubnet: '10.89.0.0/20' }, facts(), 1);
    expect(chosen).toEqual({
      nodeSubnet: '10.89.16.0/24',
      podSubnet: '10.244.0.0/16',
      serviceSubnet: '10.89.0.0/20',
    });
  });

  it('names every given subnet that the host uses, and by what', () => {
    const network = { ...open, nodeSubnet: '192.0.2.128/25', podSubnet: '10.50.0.0/16' };
    const failure = errorOf(() => chooseSubnets(network, facts(used('10.50.3.0/24')), 1));
    expect(failure).toBeInstanceOf(InputError);
    expect(failure.details).toEqual([
      expect.stringMatching(
        /^network\.nodeSubnet: 192\.0\.2\.128\/25 overlaps 192\.0\.2\.0\/24, address of eth0/,
      ),
      expect.stringMatching(
        /^network\.podSubnet: 10\.50\.0\.0\/16 overlaps 10\.50\.3\.0\/24, route via vpn0/,
      ),
    ]);
  });

  it.each([
    ['podSubnet', '10.50.0.0/22', 4],
    ['nodeSubnet', '10.50.0.0/29', 5],
  ] as const)('wants room for all nodes in network.%s', (kind, cidr, most) => {
    expect(chooseSubnets({ ...open, [kind]: cidr }, facts(), most)[kind]).toBe(cidr);
    const failure = errorOf(() => chooseSubnets({ ...open, [kind]: cidr }, facts(), most + 1));
    expect(failure.details[0]).toContain(
      `network.${kind}: ${cidr} has room for ${most} of ${most + 1} nodes`,
    );
  });

  it('says what is in the way when no default is free', () => {
    const all = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16'].map((cidr) => used(cidr));
    const failure = errorOf(() => chooseSubnets(open, facts(...all), 1));
    expect(failure.kind).toBe('preflight');
    expect(failure.hint).toContain('network.nodeSubnet');
    expect(failure.details).toContain('172.16.0.0/12: route via vpn0');
  });
});

function errorOf(work: () => unknown): KnestError {
  try {
    work();
  } catch (error) {
    if (error instanceof KnestError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}
