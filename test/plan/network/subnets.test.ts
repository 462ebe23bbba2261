import { describe, expect, it } from 'vitest';

import { InputError, KnestError } from '../../../src/errors.ts';
import type { SubnetInUse } from '../../../src/facts/types.ts';
import { chooseSubnets, roomForNodes, subnetsByFamily } from '../../../src/plan/network/subnets.ts';
import { networkSpec } from '../../fixtures/cluster.ts';

const open = networkSpec();
const eth0: SubnetInUse = { cidr: '192.0.2.0/24', usedBy: 'address of eth0', link: 'eth0' };
const used = (cidr: string, link = 'vpn0'): SubnetInUse => ({ cidr, usedBy: `route via ${link}`, link });
const facts = (...subnetsInUse: SubnetInUse[]) => ({
  subnetsInUse: [eth0, ...subnetsInUse],
  nameservers: [],
});

describe('chooseSubnets', () => {
  const first = {
    ipv4: { nodes: '10.89.0.0/24', pods: '10.244.0.0/16', services: '10.96.0.0/16' },
    ipv6: { nodes: 'fd00:10:89::/64', pods: 'fd00:10:244::/56', services: 'fd00:10:96::/112' },
  };

  it.each([
    ['ipv4', [first.ipv4]],
    ['ipv6', [first.ipv6]],
    ['dual', [first.ipv4, first.ipv6]],
  ] as const)('takes the first defaults on a host that uses none of them (%s)', (ipFamily, expected) => {
    expect(chooseSubnets(networkSpec({ ipFamily }), facts(), 1)).toEqual({
      nodeSubnets: expected.map(({ nodes }) => nodes),
      podSubnets: expected.map(({ pods }) => pods),
      serviceSubnets: expected.map(({ services }) => services),
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
    expect(chosen.nodeSubnets).toEqual([nodeSubnet]);
    expect(chosen.podSubnets[0]).toMatch(/^10\.24[56]\.0\.0\/16$/);
    expect(chosen.serviceSubnets).toEqual(['10.97.0.0/16']);
  });

  it('makes way for others in IPv6', () => {
    const taken = [used('fd00:10:89::/64'), used('fd00:10:244:7::/64'), used('fd00:10:96::/112')];
    expect(chooseSubnets(networkSpec({ ipFamily: 'ipv6' }), facts(...taken), 1)).toEqual({
      nodeSubnets: ['fd00:10:89:1::/64'],
      podSubnets: ['fd00:10:244:100::/56'],
      serviceSubnets: ['fd00:10:96::1:0/112'],
    });
    expect(chooseSubnets(networkSpec({ ipFamily: 'ipv6' }), facts(used('fd00::/16')), 1)).toEqual({
      nodeSubnets: ['fd6b:6e65:7374::/64'],
      podSubnets: ['fd6b:6e65:7374:8000::/56'],
      serviceSubnets: ['fd6b:6e65:7374:4000::/112'],
    });
  });

  it('leaves 10.0.0.0/8 to a VPN that claims it', () => {
    expect(chooseSubnets(open, facts(used('10.0.0.0/8')), 3)).toEqual({
      nodeSubnets: ['172.31.0.0/24'],
      podSubnets: ['172.28.0.0/16'],
      serviceSubnets: ['172.30.0.0/16'],
    });
  });

  it('ignores default routes, the other family and what leads to its own bridge', () => {
    const own = used('10.89.0.0/24', 'kn-a');
    const others = [used('0.0.0.0/0'), used('fd00::/8'), own];
    const nodesWith = (ownBridge?: string) =>
      chooseSubnets(open, facts(...others), 1, ownBridge === undefined ? {} : { ownBridge }).nodeSubnets;
    expect(nodesWith('kn-a')).toEqual(['10.89.0.0/24']);
    expect(nodesWith('kn-b')).toEqual(['10.89.1.0/24']);
    expect(nodesWith()).toEqual(['10.89.1.0/24']);
  });

  it('keeps clear of a name server that is only reached by the default route', () => {
    const resolver = { subnetsInUse: [eth0], nameservers: ['10.244.7.7', 'fd00:10:96::a'] };
    const chosen = chooseSubnets(networkSpec({ ipFamily: 'dual' }), resolver, 1);
    expect(chosen.podSubnets[0]).toBe('10.245.0.0/16');
    expect(chosen.serviceSubnets[1]).toBe('fd00:10:96::1:0/112');
  });

  it('chooses the rest around what is given', () => {
    const serviceSubnets = ['10.89.0.0/20', 'fd00:10:89::/112'];
    expect(chooseSubnets(networkSpec({ ipFamily: 'dual', serviceSubnets }), facts(), 1)).toEqual({
      nodeSubnets: ['10.89.16.0/24', 'fd00:10:89:1::/64'],
      podSubnets: ['10.244.0.0/16', 'fd00:10:244::/56'],
      serviceSubnets,
    });
  });

  it('names every given subnet that the host uses, and by what', () => {
    const network = networkSpec({
      ipFamily: 'dual',
      nodeSubnets: ['192.0.2.128/25', 'fd00:1::/64'],
      podSubnets: ['10.50.0.0/16', 'fd00:2::/56'],
    });
    const failure = errorOf(() =>
      chooseSubnets(network, facts(used('10.50.3.0/24'), used('fd00:2::/32')), 1),
    );
    expect(failure).toBeInstanceOf(InputError);
    expect(failure.details).toEqual([
      expect.stringMatching(
        /^network\.nodeSubnet: 192\.0\.2\.128\/25 overlaps 192\.0\.2\.0\/24, address of eth0/,
      ),
      expect.stringMatching(
        /^network\.podSubnet: 10\.50\.0\.0\/16 overlaps 10\.50\.3\.0\/24, route via vpn0/,
      ),
      expect.stringMatching(/^network\.podSubnet: fd00:2::\/56 overlaps fd00:2::\/32, route via vpn0/),
    ]);
  });

  it.each([
    ['podSubnets', 'ipv4', '10.50.0.0/22', 4],
    ['podSubnets', 'ipv6', 'fd00:5::/60', 16],
    ['nodeSubnets', 'ipv4', '10.50.0.0/29', 4],
    ['nodeSubnets', 'ipv6', 'fd00:5::/125', 5],
  ] as const)('wants room for all nodes in network.%s (%s)', (kind, ipFamily, cidr, most) => {
    const network = networkSpec({ ipFamily, [kind]: [cidr] });
    expect(chooseSubnets(network, facts(), most)[kind]).toEqual([cidr]);
    const failure = errorOf(() => chooseSubnets(network, facts(), most + 1));
    expect(failure.details[0]).toContain(
      `network.${kind.slice(0, -1)}: ${cidr} has room for ${most} of ${most + 1} nodes`,
    );
  });

  it.each([
    [252, '10.89.0.0/24', '10.244.0.0/16'],
    [253, '10.89.0.0/23', '10.244.0.0/16'],
    [300, '10.89.0.0/23', '10.244.0.0/15'],
    [1000, '10.89.0.0/22', '10.244.0.0/14'],
  ])('takes larger ones for %i nodes', (nodes, nodeSubnet, podSubnet) => {
    const chosen = chooseSubnets(open, facts(), nodes);
    expect(chosen.nodeSubnets).toEqual([nodeSubnet]);
    expect(chosen.podSubnets).toEqual([podSubnet]);
    expect(roomForNodes(chosen)).toBeGreaterThanOrEqual(nodes);
    const ipv6 = chooseSubnets(networkSpec({ ipFamily: 'ipv6' }), facts(), nodes);
    expect(roomForNodes(ipv6)).toBeGreaterThanOrEqual(nodes);
  });

  it.each(['ipv4', 'dual'] as const)(
    'finds some for 30 clusters and more on one host (%s)',
    (ipFamily) => {
      const taken: SubnetInUse[] = [];
      for (let cluster = 0; cluster < 34; cluster += 1) {
        const chosen = chooseSubnets(networkSpec({ ipFamily }), facts(...taken), 3);
        const all = [...chosen.nodeSubnets, ...chosen.podSubnets, ...chosen.serviceSubnets];
        taken.push(...all.map((cidr) => used(cidr, `kn-${cluster}`)));
      }
      const failure = errorOf(() => chooseSubnets(networkSpec({ ipFamily }), facts(...taken), 3));
      expect(failure.code).toBe('NO_FREE_SUBNET');
      expect(failure.hint).toContain('--service-subnet, or network.serviceSubnet');
    },
    20_000,
  );

  it('says what is in the way when no default is free', () => {
    const all = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fd00::/8'].map((cidr) => used(cidr));
    const failure = errorOf(() => chooseSubnets(open, facts(...all), 1));
    expect(failure.kind).toBe('preflight');
    expect(failure.hint).toContain('--node-subnet, or network.nodeSubnet in the config file');
    expect(failure.details).toContain('172.16.0.0/12: route via vpn0');
    const ipv6 = errorOf(() => chooseSubnets(networkSpec({ ipFamily: 'ipv6' }), facts(...all), 1));
    expect(ipv6.details).toEqual(['fd00::/8: route via vpn0']);
  });
});

describe('chosen subnets', () => {
  const dual = chooseSubnets(networkSpec({ ipFamily: 'dual' }), facts(), 1);

  it('have room for as many nodes as the smallest of them', () => {
    expect(roomForNodes(dual)).toBe(252);
    expect(roomForNodes({ ...dual, podSubnets: ['10.244.0.0/22', 'fd00::/56'] })).toBe(4);
  });

  it('can be looked at by family', () => {
    expect(subnetsByFamily(dual)).toEqual([
      { family: 4, inside: ['10.89.0.0/24', '10.244.0.0/16'], services: ['10.96.0.0/16'] },
      { family: 6, inside: ['fd00:10:89::/64', 'fd00:10:244::/56'], services: ['fd00:10:96::/112'] },
    ]);
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
