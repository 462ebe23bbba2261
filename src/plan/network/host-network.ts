import type { HostFacts } from '../../facts/types.ts';
import type { MachinePlan, PlannedCommand, PlannedPort } from '../types.ts';
import { planBridge, type HostCommands } from './bridge.ts';
import { planFirewall } from './firewall.ts';
import { planLoopback } from './forwardings.ts';
import { planNat } from './nat.ts';
import type { ClusterSubnets } from './subnets.ts';

/** A machine as the host's network sees it. */
export type NetworkPeer = Pick<MachinePlan, 'name' | 'role' | 'addresses' | 'podSubnets' | 'ports'>;

export interface HostNetworkOptions extends ClusterSubnets {
  cluster: string;
  /** The cluster's link on the host: a bridge, or on a LAN a macvlan link. */
  bridge: string;
  /** Link of the LAN that the machines are on. */
  parent?: string;
  /** The API's own address. */
  apiAddress: string;
  /** A port of the host that leads to the API. */
  apiPort: PlannedPort | undefined;
  /** A port of the host that leads to the cluster's registry, at the same address. */
  registryPort?: PlannedPort | undefined;
  machines: readonly NetworkPeer[];
  /** Ranges that Services of type LoadBalancer get addresses from. */
  loadBalancer?: readonly string[];
  /** kube-proxy uses IPVS: machines can't load its modules. */
  ipvs?: boolean;
  /** Pods of a machine hang on a bridge. */
  podBridge?: boolean;
}

/**
 * Everything of the host's network that a cluster needs, in order; torn down the other way round. Planned again after
 * nodes or ports have come or gone, and run again, it brings the host to the new plan while traffic goes on.
 */
export function planHostNetwork(
  options: HostNetworkOptions,
  facts: Pick<HostFacts, 'firewall' | 'programs'>,
): HostCommands {
  const loopback = planLoopback(options);
  const parts = [
    planModules(options),
    planBridge(options),
    { setup: loopback.before, teardown: [] },
    planNat(options, facts),
    // gone with the bridge
    { setup: loopback.after, teardown: [] },
    planFirewall(options, facts),
  ];
  return {
    setup: parts.flatMap(({ setup }) => setup),
    teardown: parts.reverse().flatMap(({ teardown }) => teardown),
  };
}

/** Modules stay: others may use them by now. Schedulers the kernel loads itself. */
function planModules({ ipvs = false, podBridge = false }: HostNetworkOptions): HostCommands {
  return {
    setup: [...(podBridge ? [loadBridgeNetfilter] : []), ...(ipvs ? [loadIpvs] : [])],
    teardown: [],
  };
}

const loadIpvs: PlannedCommand = {
  why: 'kube-proxy uses IPVS, and nothing in a machine can load kernel modules',
  argv: ['modprobe', 'ip_vs'],
  unless: ['test', '-e', '/proc/net/ip_vs'],
};

/**
 * Every network namespace has switches of its own (Linux 5.3), on by default. Those of the host are put out: its other
 * bridges, of virtual machines say, go on as before. `doctor` warns where there is no such module.
 */
const loadBridgeNetfilter: PlannedCommand = {
  why: 'what pods of one node send each other passes Services and network policies; the bridges of the host stay as they are',
  argv: [
    'sh',
    '-c',
    'modprobe br_netfilter && for name in iptables ip6tables arptables; do echo 0 > /proc/sys/net/bridge/bridge-nf-call-$name; done',
  ],
  unless: ['test', '-e', '/proc/sys/net/bridge/bridge-nf-call-iptables'],
  mayFail: true,
};
