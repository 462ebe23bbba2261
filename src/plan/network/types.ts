import type { HostPlan, MachinePlan, PlannedPort } from '../types.ts';
import type { ClusterSubnets } from './subnets.ts';

/** What makes one thing on the host and what takes it away again. Both may be run any number of times. */
export type HostCommands = Pick<HostPlan, 'setup' | 'teardown'>;

/** A machine as the host's network sees it. */
export type NetworkPeer = Pick<MachinePlan, 'name' | 'role' | 'addresses' | 'podSubnets' | 'ports'>;

export interface HostLan {
  /** Link of the host that is on it. */
  parent: string;
  /** MAC address of the host's own link. */
  mac: string;
  /** Its address where nodes have theirs by DHCP; undefined: the first of the node subnet. */
  linkLocal?: string;
}

export interface NetworkSetupOptions extends ClusterSubnets {
  cluster: string;
  /** The cluster's link on the host: a bridge, or on a LAN a macvlan link. */
  bridge: string;
  /** The LAN that the machines are on, and the host's own link to them. */
  lan?: HostLan;
  /** The API's own address. */
  apiAddress: string;
  /** A port of the host that leads to the API. */
  apiPort: PlannedPort | undefined;
  /** A port of the host that leads to the cluster's registry, at the same address. */
  registryPort?: PlannedPort | undefined;
  machines: readonly NetworkPeer[];
  /** The only machine shares the host's network, which has its pods. */
  hostNetwork?: true;
  /** Ranges that Services of type LoadBalancer get addresses from. */
  loadBalancer?: readonly string[];
  /** kube-proxy uses IPVS: machines can't load its modules. */
  ipvs?: boolean;
  /** The bridge of pods is on the host, whose kernel has not loaded what they need of it. */
  loadsBridgeNetfilter?: boolean;
  /** Pods of a machine hang on a bridge. */
  podBridge?: boolean;
}
