/**
 * The host's part of a cluster's network with the real ip, nft and iptables, in namespaces made for it: a host with
 * an uplink, two machines on its bridge, and an outside that knows nothing of the machines' addresses.
 */

import { existsSync } from 'node:fs';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { runCommands } from '../../src/apply/commands.ts';
import type { HostFacts } from '../../src/facts/types.ts';
import { gatherFirewall } from '../../src/observe/facts/network.ts';
import type { HostCommands } from '../../src/plan/network/bridge.ts';
import { planFirewall } from '../../src/plan/network/firewall.ts';
import { planHostNetwork } from '../../src/plan/network/host-network.ts';
import { call, connect, greetCallers, networkState, openNamespace, type Namespace } from './namespaces.ts';

const missing = [
  ...(process.getuid?.() === 0 ? [] : ['root']),
  ...['ip', 'nft', 'iptables'].filter(
    (name) => !['/usr/sbin', '/sbin'].some((dir) => existsSync(`${dir}/${name}`)),
  ),
];
if (missing.length > 0) console.warn(`SKIPPED: network-beside-docker needs ${missing.join(', ')}`);

const bridge = 'kn-test';
const uplink = '198.51.100.1';
const outsideAddress = '198.51.100.2';
const port = 7000;
const options = {
  cluster: 'test',
  bridge,
  gateway: '10.89.0.1',
  prefixLength: 24,
  nodeSubnet: '10.89.0.0/24',
  podSubnet: '10.244.0.0/16',
  serviceSubnet: '10.96.0.0/16',
  routes: [
    { subnet: '10.244.0.0/24', via: '10.89.0.2' },
    { subnet: '10.244.1.0/24', via: '10.89.0.3' },
    { subnet: '10.96.0.0/16', via: '10.89.0.2' },
  ],
};
const allPrograms = { ip: '/usr/sbin/ip', nft: '/usr/sbin/nft', iptables: '/usr/sbin/iptables' };
const noFirewall = { docker: false, firewalld: false };

describe.skipIf(missing.length > 0)("a cluster's network on its host", { timeout: 60_000 }, () => {
  let host: Namespace;
  let outside: Namespace;
  let machines: readonly [Namespace, Namespace];
  let opened: Namespace[];

  beforeEach(async () => {
    opened = await Promise.all([openNamespace(), openNamespace(), openNamespace(), openNamespace()]);
    const [first, second, third, fourth] = opened;
    if (!first || !second || !third || !fourth) throw new Error('four namespaces were asked for');
    [host, outside, machines] = [first, second, [third, fourth]];
    await connect(host, outside, {
      ...{ from: 'uplink', to: 'lan', fromAddress: `${uplink}/24`, toAddress: `${outsideAddress}/24` },
    });
    await host.host.run(['tee', '/proc/sys/net/ipv4/ip_forward'], { input: '1\n' });
    await Promise.all([outside, ...machines].map((namespace) => greetCallers(namespace, port)));
  });

  afterEach(async () => {
    await Promise.all(opened.map((namespace) => namespace.close()));
  });

  it('carries machines and pods to the outside, and lets nothing else be seen under another address', async () => {
    const before = await networkState(host);
    const commands = await setUp(host, options, { firewall: noFirewall, programs: allPrograms });
    await plugIn(host, machines);
    const [machine, other] = machines;

    expect(await call(machine, outsideAddress, port), 'machine to outside').toBe(uplink);
    expect(await call(machine, outsideAddress, port, '10.244.0.5'), 'pod to outside').toBe(uplink);
    expect(await call(machine, '10.244.1.5', port), 'machine to a pod elsewhere').toBe('10.89.0.2');
    expect(await call(machine, '10.244.1.5', port, '10.244.0.5'), 'pod to pod').toBe('10.244.0.5');
    expect(await call(other, '10.89.0.2', port), 'machine to machine').toBe('10.89.0.3');
    expect(await call(host, '10.244.0.5', port), 'host to pod').toBe('10.89.0.1');
    expect(await call(host, '10.96.0.1', port), 'host to service').toBe('10.89.0.1');
    expect(await call(host, outsideAddress, port), 'the host itself').toBe(uplink);

    await unplug(machines);
    await runCommands(host.host, commands.teardown);
    expect(await networkState(host)).toEqual(before);
  });

  it('masquerades nothing but its own subnets', async () => {
    await setUp(host, options, { firewall: noFirewall, programs: allPrograms });
    await connect(host, machines[0], {
      ...{ from: 'other', to: 'eth0', fromAddress: '192.0.2.1/24', toAddress: '192.0.2.2/24' },
    });
    await machines[0].host.run(['ip', 'route', 'add', 'default', 'via', '192.0.2.1']);
    await outside.host.run(['ip', 'route', 'add', '192.0.2.0/24', 'via', uplink]);
    expect(await call(machines[0], outsideAddress, port)).toBe('192.0.2.2');
  });

  it('leaves the same behind when set up twice, and nothing when torn down twice', async () => {
    const before = await networkState(host);
    const facts = { firewall: noFirewall, programs: allPrograms };
    const commands = await setUp(host, options, facts);
    const once = await networkState(host);
    expect(once).not.toEqual(before);
    await setUp(host, options, facts);
    expect(await networkState(host)).toEqual(once);
    await runCommands(host.host, commands.teardown);
    await runCommands(host.host, commands.teardown);
    expect(await networkState(host)).toEqual(before);
  });

  it('works on a host that only has iptables', async () => {
    const { iptables, ip } = allPrograms;
    // iptables never removes its tables and chains: on a host that has nothing else, somebody has made them before
    await host.host.run('iptables -t nat -A POSTROUTING -s 203.0.113.0/24 -j MASQUERADE'.split(' '));
    const before = await networkState(host);
    const facts = { firewall: noFirewall, programs: { iptables, ip } };
    await setUp(host, options, facts);
    const commands = await setUp(host, options, facts);
    await plugIn(host, machines);
    expect(await call(machines[0], outsideAddress, port)).toBe(uplink);
    expect(await call(machines[0], '10.244.1.5', port)).toBe('10.89.0.2');
    await unplug(machines);
    await runCommands(host.host, commands.teardown);
    expect(await networkState(host)).toEqual(before);
  });

  it.each([
    {
      name: 'Docker',
      rules: ['-N DOCKER-USER', '-A DOCKER-USER -j RETURN', '-A FORWARD -j DOCKER-USER', '-P FORWARD DROP'],
      found: { docker: true, forwardDrop: true },
    },
    { name: 'ufw', rules: ['-P FORWARD DROP'], found: { docker: false, forwardDrop: true } },
  ])('gets through where $name drops what is forwarded', async ({ rules, found }) => {
    for (const rule of rules) await host.host.run(['iptables', ...rule.split(' ')]);
    const before = await networkState(host);
    const firewall = await gatherFirewall(host.host, allPrograms, 'init');
    expect(firewall).toMatchObject({ ...found, firewalld: false });

    const unaware = await setUp(host, options, { firewall: noFirewall, programs: allPrograms });
    await plugIn(host, machines);
    expect(await call(machines[0], outsideAddress, port), 'without the rules').toBe('no answer');

    const aware = planFirewall(options, { firewall, programs: allPrograms });
    await runCommands(host.host, aware.setup);
    const once = await networkState(host);
    await runCommands(host.host, aware.setup);
    expect(await networkState(host)).toEqual(once);
    expect(await call(machines[0], outsideAddress, port), 'machine').toBe(uplink);
    expect(await call(machines[0], outsideAddress, port, '10.244.0.5'), 'pod').toBe(uplink);

    await unplug(machines);
    await runCommands(host.host, aware.teardown);
    await runCommands(host.host, aware.teardown);
    await runCommands(host.host, unaware.teardown);
    expect(await networkState(host)).toEqual(before);
  });
});

async function setUp(
  host: Namespace,
  network: typeof options,
  facts: Pick<HostFacts, 'firewall' | 'programs'>,
): Promise<HostCommands> {
  const commands = planHostNetwork(network, facts);
  await runCommands(host.host, commands.setup);
  return commands;
}

/** Machines .2 and .3, each with a pod's address and the way to the other's pods. */
async function plugIn(host: Namespace, machines: readonly Namespace[]): Promise<void> {
  for (const [index, machine] of machines.entries()) {
    const other = 1 - index;
    await connect(host, machine, { from: `vb-${index}`, to: 'host0', toAddress: `10.89.0.${index + 2}/24` });
    await host.host.run(['ip', 'link', 'set', `vb-${index}`, 'master', bridge]);
    const setUpMachine = [
      ['address', 'add', `10.244.${index}.5/32`, 'dev', 'lo'],
      // stands for a ClusterIP: answered by whatever machine it arrives at
      ['address', 'add', '10.96.0.1/32', 'dev', 'lo'],
      ['route', 'add', 'default', 'via', options.gateway],
      ['route', 'add', `10.244.${other}.0/24`, 'via', `10.89.0.${other + 2}`],
    ];
    for (const argv of setUpMachine) await machine.host.run(['ip', ...argv]);
  }
}

async function unplug(machines: readonly Namespace[]): Promise<void> {
  for (const machine of machines) await machine.host.run(['ip', 'link', 'delete', 'host0']);
}
