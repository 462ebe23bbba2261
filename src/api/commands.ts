/** What the command line calls. The library is index.ts. */

export { addNodes } from '../operations/nodes/add-nodes.ts';
export { applyCluster, diffCluster } from '../operations/change/apply-cluster.ts';
export type {
  ApplyOptions,
  ApplyResult,
  ClusterDiff,
  DiffOptions,
} from '../operations/change/apply-cluster.ts';
export { clusterConfig } from '../operations/inspect/cluster-config.ts';
export { createCluster } from '../operations/create/create-cluster.ts';
export { deleteCluster } from '../operations/delete/delete-cluster.ts';
export { deleteNodes } from '../operations/nodes/delete-nodes.ts';
export { doctor } from '../operations/inspect/doctor.ts';
export {
  execInNode,
  execInNodes,
  runKubectl,
  nodeLogs,
  nodesLogs,
  selectNodes,
} from '../operations/programs/exec.ts';
export type { LogOptions } from '../operations/programs/exec.ts';
export {
  clusterKubeconfig,
  clustersKubeconfig,
  exportKubeconfig,
  listClusters,
  listNodeNames,
  listNodes,
} from '../operations/inspect/get.ts';
export { listVersions } from '../operations/inspect/versions.ts';
export type { KubernetesVersions } from '../operations/inspect/versions.ts';
export { listCache } from '../operations/cache/list.ts';
export type { CacheContents, CachedLayer } from '../operations/cache/list.ts';
export { pruneCache } from '../operations/cache/prune.ts';
export type { PruneResult } from '../operations/cache/prune.ts';
export { buildImage } from '../operations/images/build-image.ts';
export type { BuiltImage } from '../operations/images/build-image.ts';
export { createBundle } from '../operations/bundle/create-bundle.ts';
export type { BundleResult } from '../operations/bundle/create-bundle.ts';
export { bringIn, bundledSpec, readBundle, verifyBundle } from '../operations/bundle/use-bundle.ts';
export type { BundledCluster } from '../operations/bundle/use-bundle.ts';
export { lockCluster } from '../operations/lock/lock-cluster.ts';
export type { LockOptions, LockResult } from '../operations/lock/lock-cluster.ts';
export { listImages } from '../operations/images/list-images.ts';
export type { ClusterImage, ClusterImages } from '../operations/images/list-images.ts';
export { loadImageArchive } from '../operations/images/load-images.ts';
export type { LoadedImage, LoadOptions } from '../operations/images/load-images.ts';
export { loadDockerImage } from '../operations/images/load-docker-image.ts';
export type { LoadDockerImageOptions } from '../operations/images/load-docker-image.ts';
export { exportLogs } from '../operations/logs/export-logs.ts';
export type { ExportedLogs, ExportLogsOptions } from '../operations/logs/export-logs.ts';
export { createBackup } from '../operations/backup/create-backup.ts';
export type { BackupResult, CreateBackupOptions } from '../operations/backup/create-backup.ts';
export { readDecryption, readEncryption } from '../operations/backup/keys.ts';
export { listBackups } from '../operations/backup/list-backups.ts';
export type { BackupSummary, ListBackupsOptions } from '../operations/backup/list-backups.ts';
export { restoreBackup } from '../operations/backup/restore-backup.ts';
export type { RestoreBackupOptions, RestoreResult } from '../operations/backup/restore-backup.ts';
export { scheduleBackup } from '../operations/backup/schedule-backup.ts';
export type { ScheduleBackupOptions, ScheduleBackupResult } from '../operations/backup/schedule-backup.ts';
export { verifyBackup } from '../operations/backup/verify-backup.ts';
export type { VerifyResult as VerifyBackupResult } from '../operations/backup/verify-backup.ts';
export { upgradeCluster } from '../operations/upgrade/upgrade-cluster.ts';
export { rollbackCluster } from '../operations/rollback/rollback-cluster.ts';
export { listGenerations } from '../operations/rollback/list-generations.ts';
export type {
  ClusterChanges,
  MachineDifference,
  PlannedStage,
  RollbackOptions,
  RollbackPlan,
  RollbackResult,
  UpgradeCheck,
  UpgradeOptions,
  UpgradePlan,
  UpgradeProblem,
  UpgradeResult,
} from '../operations/upgrade/types.ts';
export type { Generation } from '../operations/rollback/list-generations.ts';
export { planCluster } from '../operations/create/plan-cluster.ts';
export { rotateAuthorities } from '../operations/certificates/rotate.ts';
export type { RotateAuthoritiesOptions, RotatedAuthorities } from '../operations/certificates/rotate.ts';
export { renewCertificates } from '../operations/certificates/renew.ts';
export type { RenewCertificatesOptions, RenewedCertificates } from '../operations/certificates/renew.ts';
export { restartCluster, startCluster, stopCluster } from '../operations/start-stop/clusters.ts';
export type { StartStopOptions } from '../operations/start-stop/clusters.ts';
export { restartNodes, startNodes, stopNodes } from '../operations/start-stop/single-nodes.ts';
export type { StartStopNodesOptions } from '../operations/start-stop/single-nodes.ts';
export type { WaitOptions } from '../operations/start-stop/steps.ts';
export { clusterStatus } from '../operations/inspect/status.ts';
export { clusterOverview } from '../operations/inspect/overview.ts';
export type * from '../operations/types.ts';

export { CommandError, exitCodes, InputError, KnestError } from '../errors.ts';
export type { ErrorKind, Problem } from '../errors.ts';
export { localHost } from '../host/local.ts';
export type { Host } from '../host/types.ts';
export { loadSpec } from '../spec/load.ts';
export type { ConfigFile, LoadedSpec, SpecFlags, SpecInput } from '../spec/load.ts';
export type { ClusterSpec } from '../spec/types.ts';
export type { ClusterPlan, Paths } from '../plan/types.ts';
export type { StepEvent } from '../events.ts';
