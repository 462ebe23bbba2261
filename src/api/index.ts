/** knest as a library: what the command line does, as functions. */

export { createCluster } from './create.ts';
export { deleteCluster } from './delete.ts';
export { doctor } from './doctor.ts';
export { execInNode, kubectlCommand, nodeLogs } from './exec.ts';
export { clusterKubeconfig, exportKubeconfig, listClusters, listNodes } from './get.ts';
export { buildImage } from './image.ts';
export type { BuiltImage } from './image.ts';
export { loadImageArchive } from './load.ts';
export type { LoadedArchive } from './load.ts';
export { planCluster } from './plan.ts';
export { startCluster, stopCluster } from './power.ts';
export type { PowerOptions } from './power.ts';
export { clusterStatus } from './status.ts';
export type * from './types.ts';

export { CommandError, exitCodes, InputError, KnestError } from '../errors.ts';
export type { ErrorKind, Problem } from '../errors.ts';
export { localHost } from '../host/local.ts';
export type { Host } from '../host/types.ts';
export { loadSpec } from '../spec/load.ts';
export type { ClusterSpec } from '../spec/types.ts';
export type { ClusterPlan, Paths } from '../plan/types.ts';
export type { StepEvent } from '../apply/events.ts';
