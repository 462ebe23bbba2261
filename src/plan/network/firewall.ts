import type { HostFacts } from '../../facts/types.ts';
import type { HostCommands } from './bridge.ts';
import { planIptablesRules } from './nat.ts';

export interface FirewallOptions {
  cluster: string;
  bridge: string;
}

/**
 * What others on this host would drop. In nftables a packet must pass every table's chains, so accepting it in a
 * table of our own does not help: each firewall has to be told in its own way. Nothing is planned where none is.
 */
export function planFirewall(
  options: FirewallOptions,
  facts: Pick<HostFacts, 'firewall' | 'programs'>,
): HostCommands {
  const parts = [planForIptables(options, facts), planForFirewalld(options, facts)];
  return {
    setup: parts.flatMap(({ setup }) => setup),
    teardown: parts.flatMap(({ teardown }) => teardown),
  };
}

/**
 * Docker sets the policy of FORWARD to DROP and leaves the chain DOCKER-USER, which it never flushes, to others
 * (docs.docker.com, "Packet filtering and firewalls"). ufw and administrators set the same policy without that chain.
 */
function planForIptables(
  { cluster, bridge }: FirewallOptions,
  { firewall, programs }: Pick<HostFacts, 'firewall' | 'programs'>,
): HostCommands {
  const chain = firewall.docker ? 'DOCKER-USER' : firewall.forwardDrop === true ? 'FORWARD' : undefined;
  if (chain === undefined || programs['iptables'] === undefined) return { setup: [], teardown: [] };
  const comment = ['-m', 'comment', '--comment', `knest ${cluster}`];
  return planIptablesRules([
    {
      why: `${chain} would drop what machines of ${cluster} send`,
      table: 'filter',
      chain,
      match: ['-i', bridge, ...comment, '-j', 'ACCEPT'],
    },
    {
      why: `${chain} would drop the answers to machines of ${cluster}`,
      table: 'filter',
      chain,
      match: ['-o', bridge, ...comment, '-j', 'ACCEPT'],
    },
  ]);
}

/** Runtime only, as the bridge itself: firewalld keeps a link's zone over its own reload (firewall-cmd(1)). */
function planForFirewalld(
  { cluster, bridge }: FirewallOptions,
  { firewall, programs }: Pick<HostFacts, 'firewall' | 'programs'>,
): HostCommands {
  if (!firewall.firewalld || programs['firewall-cmd'] === undefined) return { setup: [], teardown: [] };
  const trusted = (action: string) => [
    'firewall-cmd',
    '--quiet',
    '--zone=trusted',
    `--${action}-interface=${bridge}`,
  ];
  return {
    setup: [
      {
        why: `firewalld rejects what comes from a link in no zone: the bridge of ${cluster} is trusted`,
        argv: trusted('change'),
        unless: trusted('query'),
      },
    ],
    teardown: [
      {
        why: `firewalld need not know the bridge of ${cluster} any more`,
        argv: trusted('remove'),
        mayFail: true,
      },
    ],
  };
}
