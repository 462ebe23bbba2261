/** What operations take and give: what src/api hands to the command line, and makes handles of for `import 'knest'`. */

import type { Listener } from '../events.ts';
import type { HostFacts } from '../facts/types.ts';
import type { Host } from '../host/types.ts';
import type { AggregatedApi } from '../observe/aggregated-apis.ts';
import type { EtcdMemberState, EtcdState } from '../observe/etcd-members.ts';
import type { HostCheck } from '../observe/checks/cluster-host.ts';
import type { NodeCondition } from '../observe/types.ts';
import type { EventOverview, PodOverview, Use } from '../observe/workload.ts';
import type { UnitTrouble } from '../observe/units.ts';
import type { UnitStatus } from '../tools/systemctl.ts';
import type { ClusterPlan, Paths, PlannedPort } from '../plan/types.ts';
import type { Workstation } from '../workstation/workstation.ts';
import type { ClusterSpec, ComponentName, NodeResources, NodeRole, Taint } from '../spec/types.ts';

export type { Check, Verdict } from '../facts/types.ts';

/** Where a call acts and to whom it reports. Everything has a default: this host, the environment's folders, silence. */
export interface Context {
  host?: Host;
  /** Whose environment and files count. Default: this process's. */
  workstation?: Workstation;
  paths?: Paths;
  listener?: Listener;
  signal?: AbortSignal;
}

export interface CreateOptions extends Context {
  spec: ClusterSpec;
  /** Milliseconds to wait for all nodes to be Ready; 0 does not wait. Default 5 minutes. */
  wait?: number;
  /** Keep what was made when creating fails. */
  retain?: boolean;
  /** Where to write the context; default $KUBECONFIG, else ~/.kube/config. false: only into the cluster's own file. */
  kubeconfig?: string | false;
  /** May install missing host packages. */
  yes?: boolean;
}

export interface CreateResult {
  name: string;
  context: string;
  /** The file that has the context. */
  kubeconfig: string;
  endpoint: string;
  kubernetesVersion: string;
  nodes: readonly string[];
  /** From the call to all nodes Ready. */
  seconds: number;
}

export interface PlanOptions extends Context {
  spec: ClusterSpec;
  /** Ids of layers that will be in the cache by then, out of a bundle: the host need not be able to make them. */
  layersToCome?: readonly string[];
}

export interface DeleteOptions extends Context {
  name: string;
  /** What to take the context out of; default $KUBECONFIG, else ~/.kube/config. false: nothing. */
  kubeconfig?: string | false;
}

export interface DeleteResult {
  name: string;
  /** False when there was no such cluster. */
  existed: boolean;
}

/** What new nodes have of their own; what is not said is as for nodes of a new cluster. */
export interface NewNodeOptions {
  labels?: Readonly<Record<string, string>>;
  taints?: readonly Taint[];
  /** Debian suite; default: the cluster's. */
  suite?: string;
  /** "v1.20.2", "v1.36", "stable"; default: the cluster's. */
  kubernetesVersion?: string;
  resources?: Partial<NodeResources>;
}

export interface AddNodesOptions extends Context {
  /** The cluster's. */
  name: string;
  role: NodeRole;
  count: number;
  changes?: NewNodeOptions;
  /** Milliseconds to wait for the new nodes to be Ready; 0 does not wait. Default 5 minutes. */
  wait?: number;
  /** Keep what was made when adding fails. */
  retain?: boolean;
  /** false: they are not made by the lock of the cluster, but of what there is now. Default true. */
  lock?: boolean;
  /** May install missing host packages. */
  yes?: boolean;
}

export interface AddNodesResult {
  /** The cluster's. */
  name: string;
  /** The new ones. */
  nodes: readonly string[];
  /** From the call to all new nodes Ready. */
  seconds: number;
}

export interface DeleteNodesOptions extends Context {
  /** The cluster's; default: the one that has the nodes. */
  name?: string;
  nodes: readonly string[];
  /** Also when pods cannot be evicted, or when etcd would lose its quorum. */
  force?: boolean;
  /** Milliseconds that evicting the pods of a node may take. */
  drainTimeout?: number;
}

export interface DeleteNodesResult {
  cluster: string;
  nodes: readonly string[];
}

export interface ClusterSummary {
  name: string;
  /**
   * running: all machines run; stopped: none does; degraded: some; incomplete: creating it did not finish; broken: its
   * record cannot be read, and nothing else is known of it.
   */
  state: 'running' | 'degraded' | 'stopped' | 'incomplete' | 'broken';
  kubernetesVersion: string;
  endpoint: string;
  nodes: number;
  /** ISO 8601. */
  created: string;
  /** Of a broken one: which file, and what is wrong with it. */
  problem?: string;
}

export interface NodeSummary {
  name: string;
  cluster: string;
  role: NodeRole;
  /** The machine's. */
  state: 'running' | 'stopped';
  /**
   * The Node object's, as kubectl shows it: "Ready", "NotReady", "Ready,SchedulingDisabled"; "Unknown" also when the API
   * server does not answer or the machine is stopped.
   */
  status: string;
  /** As the API server knows it; undefined when it does not answer. */
  kubeletVersion: string | undefined;
  /** Versions of what it runs besides Kubernetes, as far as they are known: { containerd: "1.7.24" } */
  components: Readonly<Partial<Record<ComponentName, string>>>;
  /** The first of its addresses. */
  address: string;
  addresses: readonly string[];
  podSubnets: readonly string[];
  /** Ports of the host that lead into the machine. */
  ports: readonly PlannedPort[];
  /** The machine's process 1 as seen on the host. */
  leader: number | undefined;
}

export interface NodeStatus extends NodeSummary {
  units: readonly UnitStatus[];
  /** Those of them that are in trouble, and what they say themselves; what others may suffer from comes first. */
  troubles: readonly UnitTrouble[];
  probes: readonly { says: string; ok: boolean; detail: string }[];
  /** From the API server; empty when it does not answer. */
  conditions: readonly NodeCondition[];
  ready: boolean;
  /** Whether it holds the API's address at the moment. */
  holdsApiAddress: boolean;
}

export interface ClusterStatus {
  name: string;
  state: ClusterSummary['state'];
  endpoint: string;
  /** What the kubeconfig says: the endpoint, or a port of the host that leads to it. */
  server: string;
  kubernetesVersion: string;
  apiserver: { ok: boolean; detail: string };
  /** APIs that others answer behind it: metrics. Empty when it does not answer. */
  apis: readonly AggregatedApi[];
  /** Address of the API, which one control plane holds. */
  apiAddress: string;
  /** What the cluster has on its host; empty while no machine runs: starting it makes all of it. */
  host: readonly HostCheck[];
  etcd: EtcdState;
  nodes: readonly NodeStatus[];
  certificates: readonly { name: string; expires: string }[];
}

/** A cluster at one glance. */
export interface ClusterOverview extends Pick<
  ClusterStatus,
  'name' | 'state' | 'kubernetesVersion' | 'endpoint' | 'apiserver' | 'apis' | 'etcd'
> {
  nodes: readonly NodeOverview[];
  /** Whether somebody answers metrics.k8s.io. */
  measured: boolean;
  /** Of all namespaces; empty when the API server does not answer. */
  pods: readonly PodOverview[];
  /** The newest first. */
  events: readonly EventOverview[];
}

export interface NodeOverview extends Pick<NodeSummary, 'name' | 'role' | 'state' | 'status'> {
  /** Those that knest wrote; troubled: by name. None are known of a machine that is stopped. */
  units: { active: number; total: number; troubled: readonly string[] };
  used: Use;
  /** What it has for pods. */
  allocatable: Use;
  /** How many; undefined when the API server does not answer. */
  pods: number | undefined;
}

/** A whole line that a program in a node printed. */
export interface NodeLine {
  node: string;
  stream: 'stdout' | 'stderr';
  text: string;
}

/** How a program ended in a node. */
export interface NodeExit {
  node: string;
  exitCode: number;
}

export interface PlanResult {
  plan: ClusterPlan;
  facts: HostFacts;
}

export type {
  AggregatedApi,
  EtcdMemberState,
  EtcdState,
  EventOverview,
  HostCheck,
  NodeCondition,
  PodOverview,
  UnitStatus,
  UnitTrouble,
  Use,
};
