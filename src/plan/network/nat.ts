import type { HostFacts } from '../../facts/types.ts';
import { destinationOf, forwardingsOf, usesLoopback, type Forwarding } from './forwardings.ts';
import { natSubnets } from './nat-subnets.ts';
import type { HostCommands, NetworkSetupOptions } from './types.ts';
import { planNatByIptables } from './nat-iptables.ts';
import type { Family } from './node-addresses.ts';
import type { FamilySubnets } from './subnets.ts';

/**
 * Hides machines and pods behind the host when they talk to the outside, and leads ports of the host into machines: an
 * nftables table of the cluster's own (one per family), which stands beside those of Docker, firewalld or the
 * administrator and is replaced and deleted as a whole. Hosts that only have iptables get chains of the cluster's own.
 */
export function planNat(options: NetworkSetupOptions, facts: Pick<HostFacts, 'programs'>): HostCommands {
  const { programs } = facts;
  return programs['nft'] === undefined && programs['iptables'] !== undefined
    ? planNatByIptables(options)
    : planNatByNftables(options);
}

function planNatByNftables(options: NetworkSetupOptions): HostCommands {
  const { cluster, bridge } = options;
  const tables = natSubnets(options).map((subnets) => ({
    ...subnets,
    table: `${keyword(subnets.family)} ${tableName(cluster)}`,
  }));
  return {
    setup: [
      {
        why:
          `machines and pods of ${cluster} reach the outside under the host's address` +
          (forwardingsOf(options).length > 0 ? ', and ports of the host lead into them' : ''),
        argv: ['nft', '-f', '-'],
        // one transaction: made if missing so that it can be deleted, then made anew
        input: tables
          .map(
            ({ table, ...subnets }) =>
              `table ${table}\ndelete table ${table}\ntable ${table} {\n${chainsOf(subnets, options)}}\n`,
          )
          .join(''),
      },
      {
        why: 'downloads in machines must not stall where the way out has a smaller MTU than the bridge (VPN, cloud)',
        argv: ['nft', '-f', '-'],
        input: tables
          .map(
            ({ table }) => `table ${table} {
  chain forward {
    type filter hook forward priority mangle; policy accept;
    iifname "${bridge}" oifname != "${bridge}" tcp flags & (syn | rst) == syn tcp option maxseg size set rt mtu
  }
}
`,
          )
          .join(''),
        // small kernels lack nft_exthdr or nft_rt, and can do without
        mayFail: true,
      },
    ],
    teardown: tables.map(({ family, table }) => ({
      why: `IPv${family} masquerading for ${cluster}, and its ports`,
      argv: ['nft', 'delete', 'table', ...table.split(' ')],
      mayFail: true,
    })),
  };
}

/** nftables identifiers may hold dashes (nft(8), scanner.l), cluster names nothing stranger. */
function tableName(cluster: string): string {
  return `knest_${cluster}`;
}

/** The nftables family, and the header that its rules look at. */
function keyword(family: Family): 'ip' | 'ip6' {
  return family === 4 ? 'ip' : 'ip6';
}

function chainsOf({ family, inside, services }: FamilySubnets, options: NetworkSetupOptions): string {
  const { bridge, lan } = options;
  const ip = keyword(family);
  const forwardings = forwardingsOf(options).filter((one) => one.family === family);
  const loopback = usesLoopback(forwardings);
  const sources = `{ ${inside.join(', ')} }`;
  const all = `{ ${[...inside, ...services].join(', ')} }`;
  const postrouting = [
    `${ip} saddr ${sources} ${ip} daddr != ${all} oifname != "${bridge}" masquerade`,
    ...(forwardings.length > 0
      ? [
          ...(lan === undefined
            ? [
                '# a machine that calls a port of the host and ends in a machine: the answer must come back through the host',
                `${ip} saddr ${sources} oifname "${bridge}" ct status dnat masquerade`,
              ]
            : [
                '# on a LAN a machine would answer whoever called straight away, and not through the host',
                `oifname "${bridge}" ct status dnat masquerade`,
              ]),
        ]
      : []),
    ...(loopback
      ? ['# no machine can answer 127.0.0.1', `ip saddr 127.0.0.0/8 oifname "${bridge}" masquerade`]
      : []),
  ];
  return [
    chain('postrouting', 'type nat hook postrouting priority srcnat; policy accept;', postrouting),
    ...(forwardings.length > 0 ? portChains(family, forwardings, bridge) : []),
    ...(loopback
      ? [
          chain('loopback', 'type filter hook prerouting priority raw; policy accept;', [
            "# with route_localnet the kernel would take machines' packets to what listens on the host's loopback",
            `iifname "${bridge}" ip daddr 127.0.0.0/8 drop`,
            `iifname "${bridge}" ip saddr 127.0.0.0/8 drop`,
          ]),
        ]
      : []),
  ].join('\n');
}

function portChains(family: Family, forwardings: readonly Forwarding[], bridge: string): string[] {
  const ip = keyword(family);
  const toPort = (one: Forwarding) => {
    const address = one.listenAddress === undefined ? '' : `${ip} daddr ${one.listenAddress} `;
    return `${address}${one.protocol} dport ${one.hostPort} dnat to ${destinationOf(one)}`;
  };
  // nobody but the host itself may get in by its loopback address, and IPv6 has no way out for it
  const notLoopback = family === 4 ? 'ip daddr != 127.0.0.0/8' : 'ip6 daddr != ::1';
  return [
    chain('ports', undefined, forwardings.map(toPort)),
    chain('prerouting', 'type nat hook prerouting priority dstnat; policy accept;', [
      `${notLoopback} fib daddr type local jump ports`,
    ]),
    // nftables 1.0.6 knows the name dstnat (-100) in prerouting only
    chain('output', 'type nat hook output priority -100; policy accept;', [
      `${family === 6 ? `${notLoopback} ` : ''}fib daddr type local jump ports`,
    ]),
    chain('redirects', 'type filter hook output priority filter; policy accept;', [
      '# a machine that calls a port of the host would be told to go straight to where it leads, and stick to that',
      `oifname "${bridge}" ${family === 4 ? 'icmp type redirect' : 'icmpv6 type nd-redirect'} drop`,
    ]),
  ];
}

function chain(name: string, hook: string | undefined, rules: readonly string[]): string {
  const lines = [...(hook === undefined ? [] : [hook]), ...rules].map((line) => `    ${line}\n`);
  return `  chain ${name} {\n${lines.join('')}  }\n`;
}
