/** knest as a library: what the command line does, as functions. */

export { addNodes } from './add-node.ts';
export { createCluster } from './create.ts';
export { deleteCluster } from './delete.ts';
export { deleteNodes } from './delete-node.ts';
export { doctor } from './doctor.ts';
export { execInNode, execInNodes, kubectlCommand, nodeLogs, nodesLogs, selectNodes } from './exec.ts';
export type { LogOptions } from './exec.ts';
export { clusterKubeconfig, exportKubeconfig, listClusters, listNodeNames, listNodes } from './get.ts';
export { buildImage } from './image.ts';
export type { BuiltImage } from './image.ts';
export { listImages } from './images.ts';
export type { ClusterImage, ClusterImages } from './images.ts';
export { loadImageArchive } from './load.ts';
export type { LoadedImage, LoadOptions } from './load.ts';
export { planCluster } from './plan.ts';
export { restartCluster, restartNodes, startCluster, startNodes, stopCluster, stopNodes } from './power.ts';
export type { NodePowerOptions, PowerOptions, WaitOptions } from './power.ts';
export { clusterStatus } from './status.ts';
export type * from './types.ts';

export { CommandError, exitCodes, InputError, KnestError } from '../errors.ts';
export type { ErrorKind, Problem } from '../errors.ts';
export { localHost } from '../host/local.ts';
export type { Host } from '../host/types.ts';
export { loadSpec } from '../spec/load.ts';
export type { ConfigFile, LoadedSpec, SpecFlags, SpecInput } from '../spec/load.ts';
export type { ClusterSpec } from '../spec/types.ts';
export type { ClusterPlan, Paths } from '../plan/types.ts';
export type { StepEvent } from '../apply/events.ts';
