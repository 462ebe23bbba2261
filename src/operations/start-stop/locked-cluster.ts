import type { MachineManager } from '../../managers/types.ts';
import type { KeyMaterial } from '../../pki/issue.ts';
import { clusterLock, readKeyMaterial, requireCluster } from '../../state/clusters.ts';
import type { ClusterRecord } from '../../state/clusters.ts';
import { acquireLock } from '../../state/lock.ts';
import { openManager } from '../find-machines.ts';
import { finishChange } from '../nodes/finish-change.ts';
import type { FinishOptions } from '../nodes/finish-change.ts';
import { openSession } from '../session.ts';
import type { Session } from '../session.ts';
import type { Context } from '../types.ts';

/** A cluster whose lock is held. */
export interface LockedCluster extends ClusterRecord {
  session: Session;
  manager: MachineManager;
  material: KeyMaterial;
}

/** Works on a cluster while no other knest may. @throws KnestError kind "notFound" or "locked" */
export async function withLockedCluster(
  context: Context,
  name: string,
  work: (cluster: LockedCluster) => Promise<void>,
): Promise<void> {
  const session = openSession(context);
  const { host, paths } = session;
  await requireCluster(host, paths, name);
  const lock = await acquireLock(host, clusterLock(paths, name));
  try {
    // read under the lock: another knest may have added a node meanwhile
    const [record, manager, material] = await Promise.all([
      requireCluster(host, paths, name),
      openManager(session),
      readKeyMaterial(host, paths, name),
    ]);
    await work({ session, manager, material, ...record });
  } finally {
    await lock.release();
  }
}

/** Finishes a change that was interrupted. @returns the cluster as it is on disk afterwards */
export async function finish(cluster: LockedCluster, options: FinishOptions = {}): Promise<LockedCluster> {
  const { session, manager, plan } = cluster;
  const record = await requireCluster(session.host, session.paths, plan.cluster);
  const open = await finishChange({ session, manager, material: cluster.material, record }, options);
  return { session, manager, material: open.material, ...open.record };
}
