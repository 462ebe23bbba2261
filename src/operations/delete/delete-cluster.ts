import {
  clusterFolder,
  clusterLock,
  planningLock,
  forgetCluster,
  readCluster,
  removeEmptyFolders,
} from '../../state/clusters.ts';
import type { ClusterRecord } from '../../state/clusters.ts';
import { DamagedRecord } from '../../state/record-file.ts';
import { unionPlan } from '../../state/union-plan.ts';
import { acquireLock } from '../../state/lock.ts';
import { forgetContext } from '../admin-kubeconfig.ts';
import { openManager } from '../find-machines.ts';
import { contextOf } from './found-plan.ts';
import { deleteDamaged } from './salvage.ts';
import { openSession } from '../session.ts';
import type { Session } from '../session.ts';
import { tearDown } from './tear-down.ts';
import type { DeleteOptions, DeleteResult } from '../types.ts';

/**
 * Deletes a cluster with its machines, data, network and context, also one that was only half made. That there is
 * none is not an error.
 * @throws KnestError kind "locked" while another knest works on it
 */
export async function deleteCluster(options: DeleteOptions): Promise<DeleteResult> {
  const session = openSession(options);
  const { host, paths } = session;
  const { name } = options;
  if ((await host.stat(clusterFolder(paths, name))) === undefined) {
    await removeDeadLocks(session, name);
    return { name, existed: false };
  }
  const lock = await acquireLock(host, clusterLock(paths, name));
  try {
    const record = await readUnlessDamaged(session, name);
    if (record === 'damaged') {
      await forgetContext(session, options, contextOf(name));
      await deleteDamaged(session, name, await openManager(session));
    } else if (record) {
      await forgetContext(session, options, record.plan.context);
      await tearDown(session, unionPlan(record), await openManager(session));
    } else {
      // ended before its plan was written: nothing was made
      await forgetCluster(host, paths, name);
    }
    return { name, existed: true };
  } finally {
    await lock.release();
    await removeDeadLocks(session, name);
  }
}

/** Locks of a knest that was killed, which nobody would ever look at again. */
async function removeDeadLocks({ host, paths }: Session, name: string): Promise<void> {
  for (const path of [clusterLock(paths, name), planningLock(paths)]) {
    if ((await host.readLink(path)) === undefined) continue;
    // one that is held by somebody is not ours to remove
    const lock = await acquireLock(host, path).catch(() => undefined);
    await lock?.release();
  }
  await removeEmptyFolders(host, paths);
}

async function readUnlessDamaged(
  { host, paths }: Session,
  name: string,
): Promise<ClusterRecord | undefined | 'damaged'> {
  try {
    return await readCluster(host, paths, name);
  } catch (error) {
    if (error instanceof DamagedRecord) return 'damaged';
    throw error;
  }
}
