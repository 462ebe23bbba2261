/** The library's surface: what the CLI calls, and what `import { createCluster } from 'knest'` gives. */

import type { Listener } from '../apply/events.ts';
import type { HostFacts } from '../facts/types.ts';
import type { Host } from '../host/types.ts';
import type { NodeCondition } from '../observe/types.ts';
import type { UnitStatus } from '../tools/systemctl.ts';
import type { ClusterPlan, Paths } from '../plan/types.ts';
import type { ClusterSpec } from '../spec/types.ts';

export type { Check, Verdict } from '../facts/types.ts';

/** Where a call acts and to whom it reports. Everything has a default: this host, the environment's folders, silence. */
export interface Context {
  host?: Host;
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
  /** Where to write the context; default $KUBECONFIG, else ~/.kube/config. */
  kubeconfig?: string;
  /** May install missing host packages. */
  yes?: boolean;
}

export interface CreateResult {
  name: string;
  context: string;
  kubeconfig: string;
  endpoint: string;
  kubernetesVersion: string;
  nodes: readonly string[];
  /** From the call to all nodes Ready. */
  seconds: number;
}

export interface PlanOptions extends Context {
  spec: ClusterSpec;
}

export interface DeleteOptions extends Context {
  name: string;
  kubeconfig?: string;
}

export interface DeleteResult {
  name: string;
  /** False when there was no such cluster. */
  existed: boolean;
}

export interface ClusterSummary {
  name: string;
  /** running: all machines run; stopped: none does; degraded: some; incomplete: creating it did not finish. */
  state: 'running' | 'degraded' | 'stopped' | 'incomplete';
  kubernetesVersion: string;
  endpoint: string;
  nodes: number;
  /** ISO 8601. */
  created: string;
}

export interface NodeSummary {
  name: string;
  cluster: string;
  role: string;
  state: 'running' | 'stopped';
  address: string;
  /** The machine's process 1 as seen on the host. */
  leader: number | undefined;
}

export interface NodeStatus extends NodeSummary {
  units: readonly UnitStatus[];
  probes: readonly { says: string; ok: boolean; detail: string }[];
  /** From the API server; empty when it does not answer. */
  conditions: readonly NodeCondition[];
  ready: boolean;
  kubeletVersion: string | undefined;
}

export interface ClusterStatus {
  name: string;
  state: ClusterSummary['state'];
  endpoint: string;
  kubernetesVersion: string;
  apiserver: { ok: boolean; detail: string };
  nodes: readonly NodeStatus[];
  certificates: readonly { name: string; expires: string }[];
}

export interface PlanResult {
  plan: ClusterPlan;
  facts: HostFacts;
}

export type { NodeCondition, UnitStatus };
