import type { HostFacts } from '../facts/types.ts';
import type { NetworkSpec } from '../spec/types.ts';
import type { PlannedSysctl } from './types.ts';

/**
 * Kernel settings that the host must hold because /proc/sys is read-only inside machines (all but /proc/sys/net),
 * so nothing in a machine can set them. Not in the list:
 * - net.bridge.bridge-nf-call-iptables: per network namespace since Linux 5.3 and on by default where br_netfilter
 *   is loaded; what a machine needs of it, the machine sets.
 */
const wanted: readonly WantedSysctl[] = [
  // kubelet --protect-kernel-defaults compares these for equality (pkg/kubelet/cm/container_manager_linux.go)
  ...[
    { key: 'vm.overcommit_memory', value: 1 },
    { key: 'vm.panic_on_oom', value: 0 },
    { key: 'kernel.panic', value: 10 },
    { key: 'kernel.panic_on_oops', value: 1 },
    { key: 'kernel.keys.root_maxkeys', value: 1_000_000 },
    { key: 'kernel.keys.root_maxbytes', value: 25_000_000 },
  ].map((setting) => ({
    ...setting,
    rule: 'equal' as const,
    why: 'kubelet refuses to start with any other value',
  })),
  {
    key: 'net.ipv4.ip_forward',
    value: 1,
    rule: 'equal',
    why: 'the host routes between machines and the outside',
  },
  {
    key: 'fs.inotify.max_user_instances',
    value: 8192,
    rule: 'at-least',
    why: 'all machines and pods share root\'s limit; at 128 kubelet and pods fail with "too many open files"',
  },
  {
    key: 'fs.inotify.max_user_watches',
    value: 524_288,
    rule: 'at-least',
    why: "all machines and pods share root's limit",
  },
];

const forwardIpv6: WantedSysctl = {
  key: 'net.ipv6.conf.all.forwarding',
  value: 1,
  rule: 'equal',
  why: 'the host routes IPv6 between machines and the outside',
};

/**
 * What new network namespaces take from the first one, for IPv4 (net.core.devconf_inherit_init_net). A host whose
 * settings are kept in a file has them too, so that machines have them before kube-proxy runs. Elsewhere machines set
 * theirs themselves.
 */
const routeLocalnet: readonly WantedSysctl[] = ['all', 'default'].map((which) => ({
  key: `net.ipv4.conf.${which}.route_localnet`,
  value: 1,
  rule: 'equal',
  why: 'node ports on 127.0.0.1: the default of new machines, whose kube-proxy counts on it',
}));

/** What kube-proxy sets where it is: of a node that shares the host's network, on the host. So it is given back. */
const hostNetworkNode: readonly WantedSysctl[] = [
  'net.ipv4.conf.all.route_localnet',
  'net.bridge.bridge-nf-call-iptables',
].map((key) => ({
  key,
  value: 1,
  rule: 'equal',
  why: 'kube-proxy and network policies of the node that shares the network of this host',
}));

/** Keys that facts must hold for planSysctls, besides those of routerLinkSetting. */
export const sysctlKeys: readonly string[] = [
  ...new Set([...wanted, forwardIpv6, ...routeLocalnet, ...hostNetworkNode].map(({ key }) => key)),
];

/** The setting that says whether a link listens to routers that advertise themselves. */
export function routerLinkSetting(link: string): string {
  return link.includes('.') ? `net/ipv6/conf/${link}/accept_ra` : `net.ipv6.conf.${link}.accept_ra`;
}

/**
 * The settings that this host must hold while it has clusters, in the order in which to make them; what its kernel
 * lacks is left alone.
 * @param lasting the host keeps them in a file, and so has them before it has clusters
 */
export function planSysctls(
  facts: Pick<HostFacts, 'sysctls' | 'routerLinks'>,
  { ipFamily, mode }: Pick<NetworkSpec, 'ipFamily' | 'mode'>,
  { lasting }: { lasting: boolean } = { lasting: false },
): PlannedSysctl[] {
  const ofIpv6 = ipFamily !== 'ipv4' || lasting ? [...keepRouters(facts), forwardIpv6] : [];
  const ofNode =
    mode === 'host'
      ? [...hostNetworkNode, ...(lasting ? routeLocalnet.slice(1) : [])]
      : lasting
        ? routeLocalnet
        : [];
  return [...wanted, ...ofIpv6, ...ofNode].flatMap(({ key, value, rule, why }) => {
    const from = facts.sysctls[key];
    if (from === undefined) return [];
    const planned = { key, from, to: String(value), rule, why };
    return [isSatisfied(planned, from) ? { ...planned, to: from } : planned];
  });
}

/**
 * A host that forwards IPv6 forgets the default routes that routers advertised and listens to no more of them, unless
 * accept_ra is 2 (kernel.org, networking/ip-sysctl, accept_ra): it would lose its own way out. So this comes before
 * forwarding. 0 means that somebody else listens: systemd-networkd and NetworkManager do it themselves.
 */
function keepRouters({ sysctls, routerLinks }: Pick<HostFacts, 'sysctls' | 'routerLinks'>): WantedSysctl[] {
  return routerLinks
    .map(routerLinkSetting)
    .filter((key) => ['1', '2'].includes(sysctls[key] ?? ''))
    .map((key) => ({
      key,
      value: 2,
      rule: 'equal',
      why: 'the host keeps the default route that a router told it, although it forwards',
    }));
}

/** Those that are not yet as they must be. */
export function changingSysctls(planned: readonly PlannedSysctl[]): PlannedSysctl[] {
  return planned.filter(({ from, to }) => from !== to);
}

/** Whether the present value will do. */
export function isSatisfied({ to, rule }: Pick<PlannedSysctl, 'to' | 'rule'>, present: string): boolean {
  return rule === 'equal' ? present === to : Number(present) >= Number(to);
}

interface WantedSysctl extends Pick<PlannedSysctl, 'key' | 'rule' | 'why'> {
  value: number;
}
