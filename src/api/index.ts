/** knest as a library. docs/library.md is its manual. */

export { createCluster, doctor, getCluster, planCluster } from './create.ts';
export { listClusters } from '../operations/inspect/get.ts';
export { randomName } from './names.ts';
export { loadSpec } from '../spec/load.ts';

export { ExecError, isKnestError } from './errors.ts';
export { CommandError, InputError, KnestError } from '../errors.ts';

export type { Cluster } from './cluster.ts';
export type { ClusterNode } from './node.ts';
export type {
  AddNodesOptions,
  DeleteNodesOptions,
  ExecOptions,
  ExecResult,
  LoadOptions,
  LogsOptions,
  SpawnOptions,
  WaitOptions,
  CallOptions,
  ClusterConfig,
  ClusterFields,
  ClusterInput,
  CreateClusterOptions,
  GetClusterOptions,
  KubeconfigOption,
  NodeSelector,
  PlanClusterOptions,
  Settings,
} from './types.ts';
export type { CommandFailure, ErrorCode, ErrorKind, FilePlace, Problem } from '../errors.ts';
export type { Listener, StepEvent, StepId } from '../events.ts';
export type { LoadedImage } from '../operations/images/load-images.ts';
export type { HostProcess } from '../host/types.ts';
export type {
  Check,
  ClusterStatus,
  ClusterSummary,
  NewNodeOptions,
  NodeStatus,
  PlanResult,
  Verdict,
} from '../operations/types.ts';
export type { ClusterPlan, Paths } from '../plan/types.ts';
export type { ConfigFile, LoadedSpec, SpecFlags, SpecInput } from '../spec/load.ts';
export type { ClusterSpec, NodeRole, Taint } from '../spec/types.ts';
