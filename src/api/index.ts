/** knest as a library: what the command line does, as functions. */

export { addNodes } from '../operations/add-nodes.ts';
export { createCluster } from '../operations/create-cluster.ts';
export { deleteCluster } from '../operations/delete-cluster.ts';
export { deleteNodes } from '../operations/delete-nodes.ts';
export { doctor } from '../operations/doctor.ts';
export {
  execInNode,
  execInNodes,
  kubectlCommand,
  nodeLogs,
  nodesLogs,
  selectNodes,
} from '../operations/exec.ts';
export type { LogOptions } from '../operations/exec.ts';
export {
  clusterKubeconfig,
  exportKubeconfig,
  listClusters,
  listNodeNames,
  listNodes,
} from '../operations/get.ts';
export { buildImage } from '../operations/build-image.ts';
export type { BuiltImage } from '../operations/build-image.ts';
export { listImages } from '../operations/list-images.ts';
export type { ClusterImage, ClusterImages } from '../operations/list-images.ts';
export { loadImageArchive } from '../operations/load-images.ts';
export type { LoadedImage, LoadOptions } from '../operations/load-images.ts';
export { planCluster } from '../operations/plan-cluster.ts';
export {
  restartCluster,
  restartNodes,
  startCluster,
  startNodes,
  stopCluster,
  stopNodes,
} from '../operations/start-stop.ts';
export type { NodePowerOptions, PowerOptions, WaitOptions } from '../operations/start-stop.ts';
export { clusterStatus } from '../operations/status.ts';
export type * from '../operations/types.ts';

export { CommandError, errorCodes, exitCodes, InputError, KnestError } from '../errors.ts';
export type { ErrorCode, ErrorKind, FilePlace, Problem } from '../errors.ts';
export { localHost } from '../host/local.ts';
export type { Host } from '../host/types.ts';
export { loadSpec } from '../spec/load.ts';
export type { ConfigFile, LoadedSpec, SpecFlags, SpecInput } from '../spec/load.ts';
export type { ClusterSpec } from '../spec/types.ts';
export type { ClusterPlan, Paths } from '../plan/types.ts';
export type { DeleteNodePart, StepEvent, StepId } from '../events.ts';
