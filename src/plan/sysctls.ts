import type { HostFacts } from '../facts/types.ts';
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

/**
 * What the host's own network namespace hands on: IPv4 settings of a new namespace are those of the first one
 * (net.core.devconf_inherit_init_net). A host whose settings are kept in a file (manager `systemd`) has them as well,
 * so that machines have them before kube-proxy runs, and nodes on a LAN (macvlan, host) from their first packet.
 * Machines of the manager `direct` set theirs themselves.
 */
const wantedOnServers: readonly WantedSysctl[] = [
  {
    key: 'net.ipv6.conf.all.forwarding',
    value: 1,
    rule: 'equal',
    why: 'the host routes IPv6 as well',
  },
  ...['all', 'default'].map((which) => ({
    key: `net.ipv4.conf.${which}.route_localnet`,
    value: 1,
    rule: 'equal' as const,
    why: 'node ports on 127.0.0.1: the default of new machines, whose kube-proxy counts on it',
  })),
];

/** Keys that facts must hold for planSysctls. */
export const sysctlKeys: readonly string[] = [...wanted, ...wantedOnServers].map(({ key }) => key);

/** The settings that this host must hold while it has clusters; what its kernel lacks is left alone. */
export function planSysctls(facts: HostFacts, manager: 'direct' | 'systemd' = 'direct'): PlannedSysctl[] {
  const all = manager === 'systemd' ? [...wanted, ...wantedOnServers] : wanted;
  return all.flatMap(({ key, value, rule, why }) => {
    const from = facts.sysctls[key];
    if (from === undefined) return [];
    const planned = { key, from, to: String(value), rule, why };
    return [isSatisfied(planned, from) ? { ...planned, to: from } : planned];
  });
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
