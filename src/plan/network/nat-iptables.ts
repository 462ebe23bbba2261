import { destinationOf, forwardingsOf, usesLoopback, type Forwarding } from './forwardings.ts';
import { natSubnets } from './nat-subnets.ts';
import type { HostCommands, NetworkSetupOptions } from './types.ts';
import { comment, iptablesOf, planIptablesRules, waiting, type IptablesRule } from './iptables-rules.ts';
import type { Family } from './node-addresses.ts';
import type { FamilySubnets } from './subnets.ts';

/** NAT and ports for hosts without nft: chains named after the bridge, and jumps to them. */
export function planNatByIptables(options: NetworkSetupOptions): HostCommands {
  const families = natSubnets(options).map((subnets) => planFamily(subnets, options));
  return {
    setup: families.flatMap(({ setup }) => setup),
    teardown: families.reverse().flatMap(({ teardown }) => teardown),
  };
}

function planFamily(subnets: FamilySubnets, options: NetworkSetupOptions): HostCommands {
  const { cluster, bridge } = options;
  const { family } = subnets;
  const program = iptablesOf(family);
  const forwardings = forwardingsOf(options).filter((one) => one.family === family);
  const [post, ports] = [`${bridge}-post`, `${bridge}-ports`];
  // all that a plan of this cluster may ever have made: ports may have come and gone since
  const jumps = planIptablesRules([
    {
      ...{ program, table: 'nat', chain: 'POSTROUTING' },
      why: `machines and pods of ${cluster} reach the outside under the host's address (IPv${family})`,
      match: [...comment(cluster), '-j', post],
    },
  ]);
  const portJumps = planIptablesRules([
    {
      ...{ program, table: 'nat', chain: 'PREROUTING' },
      why: `ports of the host lead into machines of ${cluster}, for everybody else`,
      // nobody but the host itself may get in by its loopback address
      match: ['!', '-d', loopbackOf(family), ...toHost, ...comment(cluster), '-j', ports],
    },
    {
      ...{ program, table: 'nat', chain: 'OUTPUT' },
      why: `ports of the host lead into machines of ${cluster}, for the host itself`,
      match: [
        ...(family === 6 ? ['!', '-d', loopbackOf(6)] : []),
        ...toHost,
        ...comment(cluster),
        '-j',
        ports,
      ],
    },
  ]);
  const redirects = planIptablesRules([
    {
      ...{ program, table: 'filter', chain: 'OUTPUT' },
      why: `no machine of ${cluster} is told to go straight to where a port of the host leads`,
      match: ['-o', bridge, ...redirectOf(family), ...comment(cluster), '-j', 'DROP'],
    },
  ]);
  const guards = family === 4 ? planIptablesRules(loopbackGuards(options)) : { setup: [], teardown: [] };
  return {
    setup: [
      {
        why: `rules of ${cluster} in chains of its own, replaced as a whole`,
        // a chain that is named here is emptied, others are left alone (iptables-restore(8), --noflush)
        argv: [`${program}-restore`, '--wait', '10', '--noflush'],
        input: [
          '*nat',
          `:${post} - [0:0]`,
          `:${ports} - [0:0]`,
          ...postRules(subnets, forwardings, options).map((rule) => `-A ${post} ${rule}`),
          ...forwardings.map((one) => `-A ${ports} ${portRule(one)}`),
          'COMMIT',
          '',
        ].join('\n'),
      },
      ...jumps.setup,
      ...(forwardings.length > 0 ? [...portJumps.setup, ...redirects.setup] : []),
      ...(usesLoopback(forwardings) ? guards.setup : []),
    ],
    teardown: [
      ...guards.teardown,
      ...redirects.teardown,
      ...portJumps.teardown,
      ...jumps.teardown,
      ...[post, ports].flatMap((name) =>
        ['--flush', '--delete-chain'].map((action) => ({
          why: `the chain ${name} of ${cluster}`,
          argv: [program, ...waiting, '--table', 'nat', action, name],
          mayFail: true,
        })),
      ),
    ],
  };
}

/** See chainsOf of nat.ts, which says the same in nftables. */
function postRules(
  { inside }: FamilySubnets,
  forwardings: readonly Forwarding[],
  { bridge, lan }: NetworkSetupOptions,
): string[] {
  const callers = lan === undefined ? inside.map((subnet) => `-s ${subnet} `) : [''];
  return [
    // nodes, pods and services are all behind the bridge
    ...inside.map((subnet) => `-s ${subnet} ! -o ${bridge} -j MASQUERADE`),
    ...(forwardings.length > 0
      ? callers.map((from) => `${from}-o ${bridge} -m conntrack --ctstate DNAT -j MASQUERADE`)
      : []),
    ...(usesLoopback(forwardings) ? [`-s 127.0.0.0/8 -o ${bridge} -j MASQUERADE`] : []),
  ];
}

function portRule(one: Forwarding): string {
  const address = one.listenAddress === undefined ? '' : `-d ${one.listenAddress} `;
  return `${address}-p ${one.protocol} --dport ${one.hostPort} -j DNAT --to-destination ${destinationOf(one)}`;
}

/** What route_localnet would open (see planLoopback). */
function loopbackGuards({ cluster, bridge }: NetworkSetupOptions): IptablesRule[] {
  return ['-d', '-s'].map((direction) => ({
    ...{ program: 'iptables', table: 'raw', chain: 'PREROUTING' },
    why: `no machine of ${cluster} reaches what listens on the host's loopback`,
    match: ['-i', bridge, direction, '127.0.0.0/8', ...comment(cluster), '-j', 'DROP'],
  }));
}

const toHost = ['-m', 'addrtype', '--dst-type', 'LOCAL'];

function redirectOf(family: Family): string[] {
  return family === 4
    ? ['-p', 'icmp', '--icmp-type', 'redirect']
    : ['-p', 'ipv6-icmp', '--icmpv6-type', 'redirect'];
}

function loopbackOf(family: Family): string {
  return family === 4 ? '127.0.0.0/8' : '::1/128';
}
