import { describe, expect, it } from 'vitest';

import type { PlanInputs } from '../../../src/plan/types.ts';
import { lanMac, linkLocalAddress } from '../../../src/plan/network/lan.ts';
import type { NetworkSpec } from '../../../src/spec/types.ts';
import { flagsOf, machineOf, networkSpec, nodesOf, planOf, textOf } from '../../fixtures/cluster.ts';
import { hostFacts } from '../../fixtures/host-facts.ts';
import { lease } from '../../fixtures/lease.ts';

const [controlPlane, worker] = ['knest-control-plane', 'knest-worker'];
const leases = { [controlPlane]: lease('192.0.2.103'), [worker]: lease('192.0.2.107') };
const apiServer = networkSpec().apiServer;

function plan(
  network: Partial<NetworkSpec> = {},
  facts: Partial<PlanInputs> = {},
  roles: ('control-plane' | 'worker')[] = ['control-plane', 'worker'],
) {
  return planOf({
    spec: {
      nodes: nodesOf(...roles),
      network: networkSpec({ mode: { macvlan: 'eth0' }, dhcp: true, ...network }),
    },
    facts: hostFacts({ nameservers: ['192.0.2.53'], leases, ...facts }),
  });
}

describe('a cluster with addresses by DHCP', () => {
  const planned = plan();
  const [first, second] = [machineOf(planned), machineOf(planned, 1)];

  it('is planned for the leases, although the host and its name server are in the same subnet', () => {
    expect([first.address, second.address]).toEqual(['192.0.2.103', '192.0.2.107']);
    expect(planned.network).toMatchObject({
      lan: { parent: 'eth0', dhcp: true },
      nodeSubnets: ['192.0.2.0/24'],
      apiAddress: '192.0.2.103',
    });
    expect(planned.endpoint).toBe('https://192.0.2.103:6443');
    expect(flagsOf(second, 'kubelet.service')['node-ip']).toBe('192.0.2.107');
  });

  it('renews them in the machine, as the client that asked for them', () => {
    const network = textOf(first, '/etc/systemd/network/10-host0.network');
    expect(network).toContain('DHCP=ipv4\n');
    expect(network).toContain('ClientIdentifier=mac\n');
    // an address that is set as well would outlive its lease
    expect(network).not.toMatch(/^Address=/m);
    expect(textOf(first, '/usr/local/lib/knest/lan-link')).toContain(`address ${first.lan?.mac};`);
  });

  it('uses the name servers of the LAN', () => {
    expect(textOf(first, '/etc/resolv.conf')).toBe('search lan.example\nnameserver 192.0.2.1\n');
    const none = plan(
      {},
      { leases: { ...leases, [controlPlane]: lease('192.0.2.103', { nameservers: [] }) } },
    );
    expect(textOf(machineOf(none), '/etc/resolv.conf')).toContain('nameserver 192.0.2.53\n');
  });

  it('watches over them', () => {
    expect(textOf(second, '/usr/local/lib/knest/lease-is-ours')).toContain(
      'knest restart cluster --name knest',
    );
    expect(second.probes).toContainEqual(expect.objectContaining({ unit: 'knest-lease.service' }));
  });

  it('gives the host a way to its nodes and to nobody else', () => {
    const commands = planned.host.setup.map(({ argv, input = '' }) => [...argv, input].join(' ')).join('\n');
    const own = linkLocalAddress(hostFacts(), 'knest');
    expect(commands).toContain(`address replace ${own}/32 dev kn-knest\n`);
    expect(commands).toContain(`route replace 192.0.2.107/32 dev kn-knest scope link src ${own} proto 89\n`);
    expect(commands).toContain(`via 192.0.2.107 dev kn-knest onlink src ${own} proto 89\n`);
    expect(commands).not.toContain('192.0.2.0/24');
    // who masquerades all of the LAN would be a router that nobody has asked for
    expect(commands).toContain('ip saddr { 192.0.2.103/32, 192.0.2.107/32, 10.244.0.0/16 }');
    expect(textOf(first, '/etc/systemd/network/10-host0.network')).toContain(`Destination=${own}/32\n`);
  });

  it('gives the host a way to Services of the LAN as well', () => {
    const balanced = plan({ loadBalancer: { addresses: ['192.0.2.200-192.0.2.201'] } });
    const commands = balanced.host.setup.map(({ input = '' }) => input).join('\n');
    expect(commands).toContain('route replace 192.0.2.200/31 dev kn-knest scope link');
    expect(plan().network.loadBalancer).toEqual([]);
  });

  it('keeps what it knows when a node comes, and follows what is new', () => {
    const spec = {
      nodes: nodesOf('control-plane', 'worker', 'worker'),
      network: networkSpec({ mode: { macvlan: 'eth0' }, dhcp: true }),
    };
    const another = planOf({
      spec,
      facts: hostFacts({ leases: { 'knest-worker2': lease('192.0.2.109') } }),
      previous: planned,
    });
    expect(another.machines.map(({ address }) => address)).toEqual([
      '192.0.2.103',
      '192.0.2.107',
      '192.0.2.109',
    ]);
    const moved = Object.fromEntries(
      another.machines.map(({ name }, index) => [
        name,
        lease(`198.51.100.${index + 5}`, { router: '198.51.100.1' }),
      ]),
    );
    const elsewhere = planOf({ spec, facts: hostFacts({ leases: moved }), previous: another });
    expect(elsewhere.network).toMatchObject({ nodeSubnets: ['198.51.100.0/24'], apiAddress: '198.51.100.5' });
    expect(elsewhere.network.podSubnets).toEqual(another.network.podSubnets);
    expect(elsewhere.machines.map(({ podSubnets }) => podSubnets)).toEqual(
      another.machines.map(({ podSubnets }) => podSubnets),
    );
    const names = elsewhere.pki.certificates.find(({ name }) => name === `apiserver-${controlPlane}`);
    expect(names?.ipAddresses).toContain('198.51.100.5');
    expect(names?.ipAddresses).not.toContain('192.0.2.103');
  });
});

describe('the address of the API', () => {
  it('may be one of its own, which a lone control plane simply has', () => {
    const planned = plan({ apiServer: { ...apiServer, address: '192.0.2.10' } });
    expect(planned.endpoint).toBe('https://192.0.2.10:6443');
    const network = textOf(machineOf(planned), '/etc/systemd/network/10-host0.network');
    expect(network.match(/^Address=.*$/gm)).toEqual(['Address=192.0.2.10/32']);
  });

  it.each([
    ['several control planes without one', {}, ['control-plane', 'control-plane'] as const],
    ['one that is not on the LAN', { address: '198.51.100.9' }, ['control-plane'] as const],
    ['one that the server has given away', { address: '192.0.2.107' }, ['control-plane'] as const],
  ])('refuses %s', (_what, changes, roles) => {
    expect(() => plan({ apiServer: { ...apiServer, ...changes } }, {}, [...roles])).toThrow(
      expect.objectContaining({
        problems: [expect.objectContaining({ path: 'network.apiServer.address' })],
      }),
    );
  });
});

describe('a link that no macvlan can be on', () => {
  it.each([
    ['wireless', { up: true, wireless: true }, /wireless/],
    ['a port of a bridge', { up: true, wireless: false, partOf: 'br0' }, /part of br0/],
    ['down', { up: false, wireless: false }, /down/],
  ])('is refused: %s', (_what, state, message) => {
    expect(() => plan({}, { linkStates: { eth0: state } })).toThrow(
      expect.objectContaining({
        problems: [
          {
            path: 'network.mode',
            message: expect.stringMatching(message) as string,
            hint: expect.any(String) as string,
          },
        ],
      }),
    );
  });
});

describe('MAC addresses', () => {
  it('are locally administered, and the same each time', () => {
    const mac = lanMac(hostFacts(), controlPlane);
    expect(mac).toMatch(/^02(:[0-9a-f]{2}){5}$/);
    expect(lanMac(hostFacts(), controlPlane)).toBe(mac);
    expect(lanMac(hostFacts(), worker)).not.toBe(mac);
  });

  it('are others on another host with a cluster of the same name', () => {
    const other = hostFacts({ machineId: 'f'.repeat(32) });
    expect(lanMac(other, controlPlane)).not.toBe(lanMac(hostFacts(), controlPlane));
    expect(linkLocalAddress(other, 'knest')).not.toBe(linkLocalAddress(hostFacts(), 'knest'));
  });
});
