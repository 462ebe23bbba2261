/**
 * The host's part of a cluster's network with the real ip, nft and iptables, in namespaces made for it: a host with
 * an uplink, two machines on its bridge, and an outside that knows nothing of the machines' addresses.
 */

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { runCommands } from '../../../src/managers/commands.ts';
import { gatherFirewall } from '../../../src/observe/host/network.ts';
import { planFirewall } from '../../../src/plan/network/firewall.ts';
import { familiesOf } from '../../../src/plan/network/node-addresses.ts';
import { call, connect, networkState } from '../support/namespaces.ts';
import {
  allPrograms,
  inSubnet,
  missingPrograms,
  networkOptions,
  noFirewall,
  openVirtualNetwork,
  outsideAddress,
  plugIn,
  port,
  setUp,
  unplug,
  uplink,
  useIptablesOnly,
  type VirtualNetwork,
} from '../support/virtual-network.ts';

const missing = missingPrograms('network-beside-docker');

const everyPort = { protocol: 'tcp', listenAddress: undefined, hostPort: 8000, machinePort: port } as const;

describe.skipIf(missing.length > 0)("a cluster's network on its host", { timeout: 60_000 }, () => {
  let network: VirtualNetwork;
  beforeEach(async () => {
    network = await openVirtualNetwork();
  });
  afterEach(() => network.close());

  it.each(['ipv4', 'ipv6', 'dual'] as const)(
    'carries machines and pods to the outside, and lets nothing else be seen under another address (%s)',
    async (ipFamily) => {
      const options = networkOptions(ipFamily);
      const { host, outside, machines } = network;
      const before = await networkState(host);
      const commands = await setUp(network, options, { firewall: noFirewall, programs: allPrograms });
      await plugIn(network, options);
      const [machine, other] = machines;
      for (const [index, family] of familiesOf(ipFamily).entries()) {
        const [first = '', second = ''] = options.machines.map((one) => one.addresses[index]?.address);
        const pods = options.machines.map((one) => inSubnet(one.podSubnets[index] ?? '', 5));
        const [firstPod = '', secondPod = ''] = pods;
        const service = inSubnet(options.serviceSubnets[index] ?? '', 1);
        const gateway = options.machines[0]?.addresses[index]?.gateway ?? '';
        const out = outsideAddress[family];
        const pod = { localAddress: firstPod };
        expect(await call(machine, out, port), 'machine to outside').toBe(`outside: ${uplink[family]}`);
        expect(await call(machine, out, port, pod), 'pod to outside').toBe(`outside: ${uplink[family]}`);
        expect(await call(machine, secondPod, port), 'machine to a pod elsewhere').toBe(`second: ${first}`);
        expect(await call(machine, secondPod, port, pod), 'pod to pod').toBe(`second: ${firstPod}`);
        expect(await call(other, first, port), 'machine to machine').toBe(`first: ${second}`);
        expect(await call(host, firstPod, port), 'host to pod').toBe(`first: ${gateway}`);
        expect(await call(host, service, port), 'host to service').toBe(`first: ${gateway}`);
        expect(await call(host, out, port), 'the host itself').toBe(`outside: ${uplink[family]}`);
        expect(await call(outside, firstPod, port), 'outside to pod, to which it has no way').toBe(
          'no answer',
        );
      }
      await unplug(network);
      await runCommands(host.host, commands.teardown);
      expect(await networkState(host)).toEqual(before);
    },
  );

  it('masquerades nothing but its own subnets', async () => {
    const { host, outside, machines } = network;
    await setUp(network, networkOptions('ipv4'), { firewall: noFirewall, programs: allPrograms });
    await connect(host, machines[0], {
      ...{ from: 'other', to: 'eth0', fromAddress: '192.0.2.1/24', toAddress: '192.0.2.2/24' },
    });
    await machines[0].host.run(['ip', 'route', 'add', 'default', 'via', '192.0.2.1']);
    await outside.host.run(['ip', 'route', 'add', '192.0.2.0/24', 'via', uplink[4]]);
    expect(await call(machines[0], outsideAddress[4], port)).toBe('outside: 192.0.2.2');
  });

  it.each(['ipv4', 'ipv6', 'dual'] as const)(
    'leaves the same behind when set up twice, and nothing when torn down twice (%s)',
    async (ipFamily) => {
      const { host } = network;
      const options = networkOptions(ipFamily, [[everyPort]]);
      const before = await networkState(host);
      const facts = { firewall: noFirewall, programs: allPrograms };
      const commands = await setUp(network, options, facts);
      const once = await networkState(host);
      expect(once).not.toEqual(before);
      await setUp(network, options, facts);
      expect(await networkState(host)).toEqual(once);
      await runCommands(host.host, commands.teardown);
      await runCommands(host.host, commands.teardown);
      expect(await networkState(host)).toEqual(before);
    },
  );

  it('becomes what a new plan says when nodes and ports have come and gone', async () => {
    const { host } = network;
    const facts = { firewall: noFirewall, programs: allPrograms };
    const two = networkOptions('dual', [[everyPort], [{ ...everyPort, hostPort: 8001 }]]);
    const one = { ...networkOptions('dual'), machines: networkOptions('dual').machines.slice(0, 1) };
    await setUp(network, one, facts);
    const withOne = await networkState(host);
    await setUp(network, two, facts);
    expect(await networkState(host)).not.toEqual(withOne);
    await setUp(network, one, facts);
    expect(await networkState(host)).toEqual(withOne);
  });

  it.each(['ipv4', 'dual'] as const)('works on a host that only has iptables (%s)', async (ipFamily) => {
    const { host, machines } = network;
    const options = networkOptions(ipFamily);
    const { iptables, ip6tables, ip } = allPrograms;
    await useIptablesOnly(host);
    const before = await networkState(host);
    const facts = { firewall: noFirewall, programs: { iptables, ip6tables, ip } };
    await setUp(network, options, facts);
    const commands = await setUp(network, options, facts);
    await plugIn(network, options);
    for (const [index, family] of familiesOf(ipFamily).entries()) {
      const [first, second] = options.machines;
      expect(await call(machines[0], outsideAddress[family], port)).toBe(`outside: ${uplink[family]}`);
      const pod = inSubnet(second?.podSubnets[index] ?? '', 5);
      expect(await call(machines[0], pod, port)).toBe(`second: ${first?.addresses[index]?.address}`);
    }
    await unplug(network);
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
    const { host, machines } = network;
    const options = networkOptions('dual');
    for (const program of ['iptables', 'ip6tables'])
      for (const rule of rules) await host.host.run([program, ...rule.split(' ')]);
    const before = await networkState(host);
    const firewall = await gatherFirewall(host.host, allPrograms, 'init');
    expect(firewall).toMatchObject({ ...found, ipv6: found, firewalld: false });

    const unaware = await setUp(network, options, { firewall: noFirewall, programs: allPrograms });
    await plugIn(network, options);
    for (const family of [4, 6] as const)
      expect(await call(machines[0], outsideAddress[family], port), 'without the rules').toBe('no answer');

    const aware = planFirewall(options, { firewall, programs: allPrograms });
    await runCommands(host.host, aware.setup);
    const once = await networkState(host);
    await runCommands(host.host, aware.setup);
    expect(await networkState(host)).toEqual(once);
    for (const [index, family] of ([4, 6] as const).entries()) {
      const pod = { localAddress: inSubnet(options.machines[0]?.podSubnets[index] ?? '', 5) };
      const [out, seen] = [outsideAddress[family], `outside: ${uplink[family]}`];
      expect(await call(machines[0], out, port), 'machine').toBe(seen);
      expect(await call(machines[0], out, port, pod), 'pod').toBe(seen);
    }

    await unplug(network);
    await runCommands(host.host, aware.teardown);
    await runCommands(host.host, aware.teardown);
    await runCommands(host.host, unaware.teardown);
    expect(await networkState(host)).toEqual(before);
  });
});
