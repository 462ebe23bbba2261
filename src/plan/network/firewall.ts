import type { HostFacts } from '../../facts/types.ts';
import { familyOf } from '../../formats/cidr.ts';
import type { HostCommands } from './types.ts';
import { comment, iptablesOf, planIptablesRules } from './iptables-rules.ts';
import type { Family } from './node-addresses.ts';

export interface FirewallOptions {
  cluster: string;
  bridge: string;
  /** One per family of the cluster. */
  nodeSubnets: readonly string[];
}

/**
 * What others on this host would drop. In nftables a packet must pass every table's chains, so accepting it in a
 * table of our own does not help: each firewall has to be told in its own way. Nothing is planned where none is.
 */
export function planFirewall(
  options: FirewallOptions,
  facts: Pick<HostFacts, 'firewall' | 'programs'>,
): HostCommands {
  const families = options.nodeSubnets.map((subnet) => familyOf(subnet) ?? 4);
  const parts = [
    ...families.map((family) => planForIptables(family, options, facts)),
    planForFirewalld(options, facts),
  ];
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
  family: Family,
  { cluster, bridge }: FirewallOptions,
  { firewall, programs }: Pick<HostFacts, 'firewall' | 'programs'>,
): HostCommands {
  const program = iptablesOf(family);
  const found = family === 4 ? firewall : firewall.ipv6;
  const chain = found?.docker ? 'DOCKER-USER' : found?.forwardDrop === true ? 'FORWARD' : undefined;
  if (chain === undefined || programs[program] === undefined) return { setup: [], teardown: [] };
  return planIptablesRules([
    {
      ...{ program, table: 'filter', chain },
      why: `${chain} of ${program} would drop what machines of ${cluster} send`,
      match: ['-i', bridge, ...comment(cluster), '-j', 'ACCEPT'],
    },
    {
      ...{ program, table: 'filter', chain },
      why: `${chain} of ${program} would drop what is sent to machines of ${cluster}`,
      match: ['-o', bridge, ...comment(cluster), '-j', 'ACCEPT'],
    },
  ]);
}

/**
 * Both as it runs and as it is kept: since 1.0, firewalld forgets what is not in its files when it reads them again
 * (firewalld.conf(5), FlushAllOnReload).
 */
function planForFirewalld(
  { cluster, bridge }: FirewallOptions,
  { firewall, programs }: Pick<HostFacts, 'firewall' | 'programs'>,
): HostCommands {
  if (!firewall.firewalld || programs['firewall-cmd'] === undefined) return { setup: [], teardown: [] };
  const firewallCmd = ['firewall-cmd', '--quiet'];
  const trusted = (action: string): string[] => ['--zone=trusted', `--${action}-interface=${bridge}`];
  return {
    setup: [
      {
        why: `firewalld rejects what comes from a link in no zone: the bridge of ${cluster} is trusted`,
        argv: [...firewallCmd, ...trusted('change')],
        unless: [...firewallCmd, ...trusted('query')],
      },
      {
        why: 'and stays so when firewalld reads its files again',
        argv: [...firewallCmd, '--permanent', ...trusted('add')],
        unless: [...firewallCmd, '--permanent', ...trusted('query')],
      },
    ],
    teardown: [
      {
        why: `firewalld need not know the bridge of ${cluster} any more`,
        argv: [...firewallCmd, ...trusted('remove')],
        mayFail: true,
      },
      {
        why: 'nor its files',
        argv: [...firewallCmd, '--permanent', ...trusted('remove')],
        mayFail: true,
      },
      {
        why: "the zone is firewalld's own again, where nobody else has added to it",
        argv: ['sh', '-c', dropUnchangedZone],
        mayFail: true,
      },
    ],
  };
}

/** What firewalld writes for a zone wins over the file that it came with. The other file is the one before the last change. */
const dropUnchangedZone =
  'cd /etc/firewalld/zones && [ -e trusted.xml ] || exit 0; ' +
  "grep -qE '<(interface|source|service|port|protocol|source-port|rule|masquerade|icmp-|forward-port|helper)' trusted.xml " +
  '|| rm -f trusted.xml trusted.xml.old';
