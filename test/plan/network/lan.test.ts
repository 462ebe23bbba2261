import { describe, expect, it } from 'vitest';

import { lanOf } from '../../../src/plan/network/lan.ts';
import { clusterSpec, machineOf, networkSpec, planOf, textOf } from '../../fixtures/cluster.ts';
import { hostFacts } from '../../fixtures/host-facts.ts';

const onLan = networkSpec({
  mode: { macvlan: 'eth0' },
  nodeSubnets: ['192.0.2.32/28'],
  gateway: '192.0.2.1',
});

describe('lanOf', () => {
  it('knows the whole LAN by the part that is given', () => {
    expect(lanOf(clusterSpec({ network: onLan }), hostFacts())).toEqual({
      ...{ parent: 'eth0', dhcp: false, prefixLength: 24, gateway: '192.0.2.1' },
    });
    expect(lanOf(clusterSpec(), hostFacts())).toBeUndefined();
  });

  it.each([
    ['a link that is not there', { mode: { macvlan: 'eth7' } }, 'network.mode'],
    ['no addresses', { nodeSubnets: undefined }, 'network.nodeSubnet'],
    ['addresses of another network', { nodeSubnets: ['198.51.100.0/28'] }, 'network.nodeSubnet'],
  ])('refuses %s', (_what, changes, path) => {
    expect(() => lanOf(clusterSpec({ network: { ...onLan, ...changes } }), hostFacts())).toThrow(
      expect.objectContaining({ problems: [expect.objectContaining({ path })] }),
    );
  });
});

describe.each(['systemd', 'direct'] as const)('a cluster on a LAN, manager %s', (manager) => {
  const plan = planOf({ spec: { manager, network: onLan } });
  const machine = machineOf(plan);

  it('has nodes that are hosts of the LAN', () => {
    expect(machine.addresses).toEqual([{ address: '192.0.2.34', prefixLength: 24, gateway: '192.0.2.1' }]);
    expect(textOf(machine, '/etc/systemd/network/10-host0.network')).toContain('Address=192.0.2.34/24\n');
    expect(JSON.stringify(machine.run)).toMatch(/network-macvlan=eth0|MACVLAN=eth0/);
  });

  it('gives the host a link of its own to them', () => {
    const commands = plan.host.setup.map(({ argv, input = '' }) => [...argv, input].join(' '));
    expect(commands.join('\n')).toMatch(
      /link add name kn-knest link eth0 address \S+ type macvlan mode bridge/,
    );
    expect(commands.join('\n')).toContain('address replace 192.0.2.33/28 dev kn-knest');
    expect(plan.host.teardown.map(({ argv }) => argv.join(' '))).toContain(
      'ip link delete dev kn-knest type macvlan',
    );
  });

  it('hides pods behind their node, on a link of the usual name', () => {
    expect(textOf(machine, '/etc/kubernetes/masquerade.nft')).toContain('oifname "host0" masquerade');
    expect(textOf(machine, '/usr/local/lib/knest/lan-link')).toContain('name host0');
  });
});

describe('a cluster on a LAN without a router', () => {
  it('has no way out', () => {
    const machine = machineOf(planOf({ spec: { network: { ...onLan, gateway: undefined } } }));
    expect(textOf(machine, '/etc/systemd/network/10-host0.network')).not.toContain('Gateway=');
  });
});
