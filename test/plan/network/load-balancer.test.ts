import { describe, expect, it } from 'vitest';

import { parseRange } from '../../../src/formats/address-range.ts';
import type { AgentConfig } from '../../../src/agent/config.ts';
import { choosePool, nodeSlots } from '../../../src/plan/network/load-balancer.ts';
import type { PoolInput } from '../../../src/plan/network/load-balancer.ts';
import { hostFacts } from '../../fixtures/host-facts.ts';
import { machineOf, networkSpec, nodesOf, planOf, textOf } from '../../fixtures/cluster.ts';

const lan = { parent: 'eth0', dhcp: false, prefixLength: 24, gateway: '192.0.2.1' } as const;

function pool(addresses: readonly string[] | undefined, changes: Partial<PoolInput> = {}): string[] {
  return choosePool({
    network: networkSpec({ loadBalancer: { addresses } }),
    nodeSubnets: ['10.89.0.0/24'],
    lan: undefined,
    hostAddresses: ['192.0.2.2'],
    nodeCount: 3,
    ...changes,
  });
}

describe('addresses for Services', () => {
  it.each([
    [['10.89.0.0/24'], ['10.89.0.192-10.89.0.253']],
    [['10.0.0.0/16'], ['10.0.255.192-10.0.255.253']],
    [['10.0.0.0/26'], ['10.0.0.48-10.0.0.61']],
    [['10.0.0.0/27'], []],
    [['fd00::/64'], ['fd00::ffff:ffff:ffff:ffc0-fd00::ffff:ffff:ffff:fffe']],
    [['fd00::/124'], []],
    [
      ['10.89.0.0/24', 'fd00::/64'],
      ['10.89.0.192-10.89.0.253', 'fd00::ffff:ffff:ffff:ffc0-fd00::ffff:ffff:ffff:fffe'],
    ],
  ])('are the upper end of %j', (nodeSubnets, expected) => {
    expect(pool(undefined, { nodeSubnets })).toEqual(expected);
  });

  it('make way for nodes when nobody asked for them', () => {
    expect(pool(undefined, { nodeCount: 190 })).toHaveLength(1);
    expect(pool(undefined, { nodeCount: 191 })).toEqual([]);
  });

  it('are none on a LAN, and none on request', () => {
    expect(pool(undefined, { nodeSubnets: ['192.0.2.32/28'], lan })).toEqual([]);
    expect(pool([])).toEqual([]);
  });

  it('are what is given', () => {
    expect(pool(['10.89.0.16/29', '10.89.0.100'])).toEqual([
      '10.89.0.16-10.89.0.23',
      '10.89.0.100-10.89.0.100',
    ]);
    expect(pool(['192.0.2.200-192.0.2.209'], { nodeSubnets: ['192.0.2.32/28'], lan })).toHaveLength(1);
  });

  it('are those of a LAN with DHCP that neither nodes nor its router nor the API have', () => {
    const lease = {
      ...{ address: '192.0.2.103', prefixLength: 24, router: '192.0.2.1', nameservers: [] },
      ...{ searchDomains: [], seconds: 600, server: '192.0.2.1' },
    };
    const leased = { parent: 'eth0', dhcp: true, leases: { 'knest-worker': lease } } as const;
    const changes = { nodeSubnets: ['192.0.2.0/24'], lan: leased, nodeCount: 1 };
    expect(pool(undefined, changes)).toEqual([]);
    // .254 is nobody's: the API has the address of its node
    expect(pool(['192.0.2.200-192.0.2.254'], changes)).toHaveLength(1);
    expect(() => pool(['192.0.2.100-192.0.2.110'], changes)).toThrow('1 problem');
    expect(() => pool(['192.0.2.1'], changes)).toThrow('1 problem');
  });

  it.each([
    ['elsewhere', ['10.90.0.0/28'], {}, /does not lie in the node subnet/],
    ['the bridge', ['10.89.0.1-10.89.0.9'], {}, /10\.89\.0\.1, which is the host's own/],
    ['the API', ['10.89.0.250-10.89.0.254'], {}, /10\.89\.0\.254, which is the API's/],
    ['broadcasts', ['10.89.0.255'], {}, /for broadcasts/],
    ['too many', ['10.89.0.3-10.89.0.253'], {}, /room for 1 of 3 nodes/],
    ['not of the LAN', ['198.51.100.7'], { nodeSubnets: ['192.0.2.32/28'], lan }, /the LAN of eth0/],
    ['the router', ['192.0.2.1-192.0.2.9'], { nodeSubnets: ['192.0.2.32/28'], lan }, /the router's/],
    ['this host', ['192.0.2.2-192.0.2.9'], { nodeSubnets: ['192.0.2.32/28'], lan }, /this host's/],
  ])('are refused: %s', (_what, addresses, changes, message) => {
    expect(() => pool(addresses, changes)).toThrow(
      expect.objectContaining({
        problems: [
          expect.objectContaining({
            path: 'network.loadBalancer.addresses',
            message: expect.stringMatching(message) as string,
          }),
        ],
      }),
    );
  });
});

it('nodes have places that no Service can get', () => {
  const slots = [...nodeSlots(['10.0.0.0/28'], ['10.0.0.2-10.0.0.4', '10.0.0.8'].map(parseRange))];
  // 10.0.0.5 to .7 and .9 to .13; .14 is the API's
  expect(slots).toEqual([3, 4, 5, 7, 8, 9, 10, 11]);
  const huge = nodeSlots(['fd00::/64'], [parseRange('fd00::4-fd00::7fff:ffff')]);
  expect([huge.next().value, huge.next().value, huge.next().value]).toEqual([0, 1, 2 ** 31 - 2]);
});

describe('a plan', () => {
  const given = networkSpec({ loadBalancer: { addresses: ['10.89.0.3-10.89.0.9'] } });

  it('leaves these addresses out, also for nodes that come later', () => {
    const nodes = nodesOf('control-plane', 'worker');
    const plan = planOf({ spec: { network: given, nodes } });
    expect(plan.machines.map(({ address }) => address)).toEqual(['10.89.0.2', '10.89.0.10']);
    const more = nodesOf('control-plane', 'worker', 'worker');
    const later = planOf({ spec: { network: given, nodes: more }, previous: plan });
    expect(later.machines.map(({ address }) => address)).toEqual(['10.89.0.2', '10.89.0.10', '10.89.0.11']);
    expect(later.network.loadBalancer).toEqual(['10.89.0.3-10.89.0.9']);
  });

  it('says so when there is no place left for a node', () => {
    const network = networkSpec({ nodeSubnets: ['10.89.0.0/28'] });
    const full = Array<'worker'>(11).fill('worker');
    const plan = planOf({ spec: { network, nodes: nodesOf('control-plane', ...full) } });
    expect(() =>
      planOf({ spec: { network, nodes: nodesOf('control-plane', 'worker', ...full) }, previous: plan }),
    ).toThrow(/no address left/);
  });

  it('gives clusters of older versions no pool that might be in the way of nodes', () => {
    const { loadBalancer, ...network } = planOf().network;
    expect(loadBalancer).toHaveLength(1);
    const previous = { ...planOf(), network };
    const agent = JSON.parse(
      textOf(machineOf(planOf({ previous })), '/etc/kubernetes/knest-agent.json'),
    ) as AgentConfig;
    expect(agent.loadBalancer).toBeUndefined();
  });

  it('on a LAN leads the host to addresses beside the node subnet', () => {
    const network = networkSpec({
      mode: { macvlan: 'eth0' },
      nodeSubnets: ['192.0.2.32/28'],
      gateway: '192.0.2.1',
      loadBalancer: { addresses: ['192.0.2.40-192.0.2.41', '192.0.2.200-192.0.2.203'] },
    });
    const plan = planOf({ spec: { network } });
    const routes = plan.host.setup.map(({ input }) => input ?? '').join('');
    expect(routes).toContain('route replace 192.0.2.200/30 dev kn-knest proto 89\n');
    expect(routes).not.toContain('192.0.2.40');
  });

  it('grants nothing where there are no addresses', () => {
    const without = planOf({ spec: { network: networkSpec({ loadBalancer: { addresses: [] } }) } });
    const text = textOf(machineOf(without), '/etc/kubernetes/knest-objects.json');
    expect(text).not.toMatch(/announcer|load-balancer/);
    expect(without.pki.certificates.flatMap(({ organizations }) => organizations)).not.toContain(
      'knest:announcer',
    );
  });

  it('lets one node answer alone with IPVS', () => {
    const plan = planOf({
      spec: { network: networkSpec({ proxyMode: 'ipvs' }) },
      facts: { ...hostFacts(), ipvs: true },
    });
    expect(textOf(machineOf(plan), '/etc/kubernetes/kube-proxy.yaml')).toContain('strictARP: true');
  });
});
