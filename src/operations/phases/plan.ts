import { planCluster } from '../../plan/cluster.ts';
import { keepOf } from '../../plan/keep.ts';
import type { Keep } from '../../plan/keep.ts';
import type { ClusterPlan } from '../../plan/types.ts';
import type { ClusterSpec } from '../../spec/types.ts';
import { planningLock } from '../../state/clusters.ts';
import { acquireLock } from '../../state/lock.ts';
import type { Session } from '../session.ts';
import type { Acquired } from './acquire.ts';
import { inputsBesideOthers } from './beside-others.ts';

export interface PlanBesideOptions {
  /** The plan of the cluster as it is, when nodes come or go. */
  previous?: ClusterPlan | undefined;
  /** What its machines keep of it; default: everything that can be kept. */
  keep?: Keep | undefined;
  /** A half-made one may be running: what it has of the host is not in its own way. */
  halfMade?: boolean;
}

/**
 * The fourth phase: the plan of a cluster beside the clusters that are planned already on this host. Takes milliseconds
 * and touches nothing.
 * @throws InputError when the spec does not fit the host, KnestError when the host has no room for it
 */
export async function planBesideOthers(
  session: Session,
  spec: ClusterSpec,
  { facts, kubernetes, leases }: Acquired,
  { previous, keep = previous && keepOf(previous), halfMade = false }: PlanBesideOptions = {},
): Promise<ClusterPlan> {
  const inputs = await inputsBesideOthers(session, spec, { facts, leases, halfMade });
  return planCluster(spec, inputs, kubernetes, session.paths, previous, keep);
}

/**
 * Holds the lock under which new clusters are planned and their plans written: two that are created at the same time
 * must not choose the same subnets.
 */
export async function withPlanningLock<T>({ host, paths }: Session, work: () => Promise<T>): Promise<T> {
  const lock = await acquireLock(host, planningLock(paths), { wait: true });
  try {
    return await work();
  } finally {
    await lock.release();
  }
}
