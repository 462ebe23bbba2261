import type { HostFacts } from '../../facts/types.ts';
import type { PlannedCommand } from '../types.ts';
import type { HostCommands } from './bridge.ts';
import type { ClusterSubnets } from './subnets.ts';

export interface NatOptions extends ClusterSubnets {
  cluster: string;
  bridge: string;
}

/**
 * Hides machines and pods behind the host when they talk to the outside: an nftables table of the cluster's own,
 * which stands beside those of Docker, firewalld or the administrator and is deleted as a whole. Hosts that only
 * have iptables get two rules in its nat table instead.
 */
export function planNat(options: NatOptions, facts: Pick<HostFacts, 'programs'>): HostCommands {
  const { programs } = facts;
  return programs['nft'] === undefined && programs['iptables'] !== undefined
    ? planNatByIptables(options)
    : planNatByNftables(options);
}

/** nftables identifiers may hold dashes (nft(8), scanner.l), cluster names nothing stranger. */
function natTable(cluster: string): string {
  return `knest_${cluster}`;
}

function planNatByNftables(options: NatOptions): HostCommands {
  const { cluster, bridge, nodeSubnet, podSubnet, serviceSubnet } = options;
  const table = natTable(cluster);
  const inside = [nodeSubnet, podSubnet].join(', ');
  return {
    setup: [
      {
        why: `machines and pods of ${cluster} reach the outside under the host's address`,
        argv: ['nft', '-f', '-'],
        // one transaction: made if missing so that it can be deleted, then made anew
        input: `table ip ${table}
delete table ip ${table}
table ip ${table} {
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    ip saddr { ${inside} } ip daddr != { ${inside}, ${serviceSubnet} } oifname != "${bridge}" masquerade
  }
}
`,
      },
      {
        why: 'downloads in machines must not stall where the way out has a smaller MTU than the bridge (VPN, cloud)',
        argv: ['nft', '-f', '-'],
        input: `table ip ${table} {
  chain forward {
    type filter hook forward priority mangle; policy accept;
    iifname "${bridge}" oifname != "${bridge}" tcp flags & (syn | rst) == syn tcp option maxseg size set rt mtu
  }
}
`,
        // small kernels lack nft_exthdr or nft_rt, and can do without
        mayFail: true,
      },
    ],
    teardown: [
      {
        why: `masquerading for ${cluster}`,
        argv: ['nft', 'delete', 'table', 'ip', table],
        mayFail: true,
      },
    ],
  };
}

function planNatByIptables({ cluster, bridge, nodeSubnet, podSubnet }: NatOptions): HostCommands {
  const rules = [nodeSubnet, podSubnet].map((subnet) => ({
    why: `${subnet} of ${cluster} reaches the outside under the host's address`,
    table: 'nat',
    chain: 'POSTROUTING',
    // nodes, pods and services are all behind the bridge
    match: [
      '-s',
      subnet,
      '!',
      '-o',
      bridge,
      '-m',
      'comment',
      '--comment',
      `knest ${cluster}`,
      '-j',
      'MASQUERADE',
    ],
  }));
  return planIptablesRules(rules);
}

export interface IptablesRule {
  why: string;
  table: string;
  chain: string;
  match: readonly string[];
}

/** Rules that are put first in their chain once, and taken out again (iptables(8): -C is 0 when the rule exists). */
export function planIptablesRules(rules: readonly IptablesRule[]): HostCommands {
  const command = (action: string, { table, chain, match }: IptablesRule) => [
    // another program may hold the lock of iptables: wait for it, seconds
    ...['iptables', '--wait', '10', '--table', table, action, chain],
    ...match,
  ];
  const setup = rules.map((rule): PlannedCommand => ({
    why: rule.why,
    argv: command('--insert', rule),
    unless: command('--check', rule),
  }));
  const teardown = rules.map((rule): PlannedCommand => ({
    why: `undo: ${rule.why}`,
    argv: command('--delete', rule),
    mayFail: true,
  }));
  return { setup, teardown: teardown.reverse() };
}
