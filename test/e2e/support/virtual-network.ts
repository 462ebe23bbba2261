/** A host with an uplink to an outside that knows nothing of its machines, and two machines on a cluster's bridge. */

import { existsSync } from 'node:fs';

import { runCommands } from '../../../src/managers/commands.ts';
import type { HostFacts } from '../../../src/facts/types.ts';
import { planHairpin } from '../../../src/plan/network/hairpin.ts';
import { planNetworkSetup } from '../../../src/plan/network/host-setup.ts';
import type { HostCommands, NetworkSetupOptions } from '../../../src/plan/network/types.ts';
import {
  apiAddressOf,
  gatewayOf,
  nodeAddress,
  podSubnetOfNode,
} from '../../../src/plan/network/node-addresses.ts';
import type { PlannedPort } from '../../../src/plan/types.ts';
import { connect, greetCallers, openNamespace, type Namespace } from './namespaces.ts';

export interface VirtualNetwork {
  host: Namespace;
  outside: Namespace;
  machines: readonly [Namespace, Namespace];
  close(): Promise<void>;
}

/** What this host lacks for it, said aloud: the scenario is then skipped. */
export function missingPrograms(scenario: string): string[] {
  const missing = [
    ...(process.getuid?.() === 0 ? [] : ['root']),
    ...['ip', 'nft', 'iptables', 'ip6tables'].filter(
      (name) => !['/usr/sbin', '/sbin'].some((dir) => existsSync(`${dir}/${name}`)),
    ),
  ];
  if (missing.length > 0) console.warn(`SKIPPED: ${scenario} needs ${missing.join(', ')}`);
  return missing;
}

/** Where everybody greets callers. */
export const port = 7000;

export const uplink = { 4: '198.51.100.1', 6: '2001:db8::1' } as const;
export const outsideAddress = { 4: '198.51.100.2', 6: '2001:db8::2' } as const;

export async function openVirtualNetwork(): Promise<VirtualNetwork> {
  const opened = await Promise.all([openNamespace(), openNamespace(), openNamespace(), openNamespace()]);
  const [host, outside, first, second] = opened;
  await connect(host, outside, {
    ...{ from: 'uplink', to: 'lan', fromAddress: `${uplink[4]}/24`, toAddress: `${outsideAddress[4]}/24` },
  });
  const nodad = (address: string) => [address, 'nodad'];
  await host.host.run(['ip', 'address', 'add', ...nodad(`${uplink[6]}/64`), 'dev', 'uplink']);
  await outside.host.run(['ip', 'address', 'add', ...nodad(`${outsideAddress[6]}/64`), 'dev', 'lan']);
  for (const name of ['ipv4/ip_forward', 'ipv6/conf/all/forwarding'])
    await host.host.run(['tee', `/proc/sys/net/${name}`], { input: '1\n' });
  await greetCallers(outside, port, 'outside: ');
  await greetCallers(first, port, 'first: ');
  await greetCallers(second, port, 'second: ');
  return {
    host,
    outside,
    machines: [first, second],
    close: async () => {
      await Promise.all(opened.map((namespace) => namespace.close()));
    },
  };
}

const subnets = {
  ipv4: { nodeSubnets: ['10.89.0.0/24'], podSubnets: ['10.244.0.0/16'], serviceSubnets: ['10.96.0.0/16'] },
  ipv6: {
    nodeSubnets: ['fd00:10:89::/64'],
    podSubnets: ['fd00:10:244::/56'],
    serviceSubnets: ['fd00:10:96::/112'],
  },
};

/** @param ports by machine */
export function networkOptions(
  ipFamily: 'ipv4' | 'ipv6' | 'dual',
  ports: readonly (readonly PlannedPort[])[] = [],
  apiPort?: PlannedPort,
): NetworkSetupOptions {
  const families = ipFamily === 'dual' ? [subnets.ipv4, subnets.ipv6] : [subnets[ipFamily]];
  const nodeSubnets = families.flatMap((one) => one.nodeSubnets);
  const podSubnets = families.flatMap((one) => one.podSubnets);
  return {
    cluster: 'test',
    bridge: 'kn-test',
    nodeSubnets,
    podSubnets,
    serviceSubnets: families.flatMap((one) => one.serviceSubnets),
    apiAddress: apiAddressOf(nodeSubnets[0] ?? ''),
    apiPort,
    machines: [0, 1].map((slot) => ({
      name: `test-${slot}`,
      role: slot === 0 ? 'control-plane' : 'worker',
      addresses: nodeSubnets.map((subnet) => ({
        address: nodeAddress(subnet, slot),
        prefixLength: Number(subnet.split('/')[1]),
        gateway: gatewayOf(subnet),
      })),
      podSubnets: podSubnets.map((subnet) => podSubnetOfNode(subnet, slot)),
      ports: ports[slot] ?? [],
    })),
  };
}

export async function setUp(
  { host }: VirtualNetwork,
  options: NetworkSetupOptions,
  facts: Pick<HostFacts, 'firewall' | 'programs'>,
): Promise<HostCommands> {
  const commands = planNetworkSetup(options, facts);
  await runCommands(host.host, commands.setup);
  return commands;
}

/** Address of a pod or of a Service: the nth of a subnet. */
export function inSubnet(subnet: string, n: number): string {
  const [network = ''] = subnet.split('/');
  return network.includes(':') ? `${network}${n.toString(16)}` : network.replace(/0$/, String(n));
}

/**
 * Plugs the machines in, each with its addresses, a pod's (5 of its pod subnet), the way to the other's pods and a
 * Service's address (1 of the subnet), which whatever machine it arrives at answers; the first has the API's.
 */
export async function plugIn(
  { host, machines }: VirtualNetwork,
  options: NetworkSetupOptions,
): Promise<void> {
  for (const [index, machine] of machines.entries()) {
    const self = options.machines[index];
    const other = options.machines[1 - index];
    const name = self?.name ?? '';
    await connect(host, machine, { from: `vb-${name}`, to: 'host0' });
    await host.host.run(['ip', 'link', 'set', `vb-${name}`, 'master', options.bridge]);
    await runCommands(host.host, planHairpin(name, options));
    const addresses = self?.addresses ?? [];
    const add = (address: string, length: number, link: string) =>
      `address add ${address}/${length} dev ${link}${address.includes(':') ? ' nodad' : ''}`;
    const whole = (address: string) => (address.includes(':') ? 128 : 32);
    const onLoopback = [
      ...(self?.podSubnets.map((subnet) => inSubnet(subnet, 5)) ?? []),
      ...options.serviceSubnets.map((subnet) => inSubnet(subnet, 1)),
    ];
    const lines = [
      // the API's address is nobody's own: with preferred_lft 0 none calls others from it
      ...addresses.map(({ address, prefixLength }) => add(address, prefixLength, 'host0')),
      ...(index === 0
        ? [`${add(options.apiAddress, whole(options.apiAddress), 'host0')} preferred_lft 0`]
        : []),
      ...onLoopback.map((address) => add(address, whole(address), 'lo')),
      ...addresses.map(({ gateway }) => `route add default via ${gateway}`),
      ...(other?.podSubnets.map(
        (subnet, family) => `route add ${subnet} via ${other.addresses[family]?.address}`,
      ) ?? []),
    ];
    await machine.host.run(['ip', '-batch', '-'], { input: `${lines.join('\n')}\n` });
  }
}

export async function unplug({ machines }: VirtualNetwork): Promise<void> {
  for (const machine of machines) await machine.host.run(['ip', 'link', 'delete', 'host0']);
}

export const allPrograms = {
  ip: '/usr/sbin/ip',
  nft: '/usr/sbin/nft',
  iptables: '/usr/sbin/iptables',
  ip6tables: '/usr/sbin/ip6tables',
};

export const noFirewall = { docker: false, firewalld: false };

/** iptables never removes its tables and chains: on a host that has nothing else, somebody has made them before. */
export async function useIptablesOnly(host: Namespace): Promise<void> {
  for (const [program, source] of [
    ['iptables', '203.0.113.0/24'],
    ['ip6tables', '2001:db8:1::/64'],
  ]) {
    for (const words of [
      `-t nat -A POSTROUTING -s ${source} -j MASQUERADE`,
      `-t raw -A PREROUTING -s ${source} -j DROP`,
    ])
      await host.host.run([program ?? '', ...words.split(' ')]);
    await host.host.run([program ?? '', '-A', 'OUTPUT', '-s', source ?? '', '-j', 'DROP']);
    for (const chain of ['PREROUTING', 'OUTPUT'])
      await host.host.run([program ?? '', '-t', 'nat', '-A', chain, '-s', source ?? '', '-j', 'RETURN']);
  }
}
