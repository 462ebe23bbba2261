import { isEmpty } from '../../diff/diff-plans.ts';
import type { Change, Cost, MachineDifference } from '../../diff/types.ts';
import type { ClusterSpec } from '../../spec/types.ts';
import { clusterLock, readKeyMaterial, requireCluster } from '../../state/clusters.ts';
import { acquireLock } from '../../state/lock.ts';
import { openManager } from '../find-machines.ts';
import { openSession } from '../session.ts';
import type { Session } from '../session.ts';
import type { Context } from '../types.ts';
import { carryOutChange } from './carry-out.ts';
import type { OpenCluster } from './open-cluster.ts';
import { planChangeTo } from './plan-change.ts';
import { worstCost } from './rollout.ts';
import type { Rollout } from './rollout.ts';
import type { CarryOutOptions, PlannedChange } from './types.ts';

/** What would change, by host and machine, and what each change costs. */
export interface ClusterDiff {
  name: string;
  /** Whether there is anything to do. */
  differs: boolean;
  /** The worst of all. */
  cost: Cost;
  /** Of the cluster as a whole. */
  cluster: readonly Change[];
  /** Of what its host lends it. */
  host: readonly Change[];
  /** Machines that stay the same are not among them. */
  machines: readonly Pick<MachineDifference, 'name' | 'kind' | 'changes'>[];
  /** In which order it would be carried out. */
  rollout: Rollout;
}

export interface DiffOptions extends Context {
  /** The cluster's. */
  name: string;
  /**
   * What it is to become; from what it is where that matters (see LoadedSpec.specFor). Default: what it is, for what was
   * changed by hand and what its host has become.
   */
  spec?: ClusterSpec | ((present: ClusterSpec) => ClusterSpec);
  /** Workers that may be changed at the same time. Default 1. */
  maxUnavailable?: number;
}

export interface ApplyOptions extends DiffOptions, Pick<CarryOutOptions, 'drainTimeout' | 'wait'> {
  /** Asked before anything is touched, with what would change; false: nothing is done. Default: yes. */
  confirm?: (diff: ClusterDiff) => boolean | Promise<boolean>;
  /** Only look. */
  dryRun?: boolean;
  /** May install missing packages on the host. */
  install?: boolean;
}

export interface ApplyResult extends ClusterDiff {
  /** false: there was nothing to do, or it was not wanted. */
  applied: boolean;
  /** From the call to all nodes well. */
  seconds: number;
}

/**
 * What it would take to bring a cluster to a spec; touches nothing.
 * @throws KnestError kind "notFound"; InputError with all that the cluster cannot become
 */
export async function diffCluster(options: DiffOptions): Promise<ClusterDiff> {
  const cluster = await openCluster(openSession(options), options.name);
  return diffOf(await plan(cluster, options, { dryRun: true }));
}

/**
 * Brings a cluster to a spec, and what was changed by hand back to it. Where pods have to move or machines to start anew it
 * goes node by node.
 * @throws KnestError kind "notFound", "locked", "notReady"; InputError with all that the cluster cannot become
 */
export async function applyCluster(options: ApplyOptions): Promise<ApplyResult> {
  const started = performance.now();
  const session = openSession(options);
  const { host, paths } = session;
  await requireCluster(host, paths, options.name);
  const lock = await acquireLock(host, clusterLock(paths, options.name));
  try {
    const cluster = await openCluster(session, options.name);
    const { dryRun = false, confirm = () => true } = options;
    const planned = await plan(cluster, options, { dryRun });
    const diff = diffOf(planned);
    const seconds = (): number => (performance.now() - started) / 1000;
    if (dryRun || !diff.differs || !(await confirm(diff)))
      return { ...diff, applied: false, seconds: seconds() };
    await carryOutChange(cluster, planned, options);
    return { ...diff, applied: true, seconds: seconds() };
  } finally {
    await lock.release();
  }
}

async function openCluster(session: Session, name: string): Promise<OpenCluster> {
  const { host, paths } = session;
  const [record, manager, material] = await Promise.all([
    requireCluster(host, paths, name),
    openManager(session),
    readKeyMaterial(host, paths, name),
  ]);
  return { session, manager, material, record };
}

function plan(
  cluster: OpenCluster,
  { spec, maxUnavailable, install = false }: DiffOptions & { install?: boolean },
  { dryRun }: { dryRun: boolean },
): Promise<PlannedChange> {
  const present = cluster.record.spec;
  const wanted = typeof spec === 'function' ? spec(present) : (spec ?? present);
  return planChangeTo(cluster, wanted, {
    ...{ dryRun, install },
    ...(maxUnavailable === undefined ? {} : { maxUnavailable }),
  });
}

function diffOf({ after, changes, rollout, drift }: PlannedChange): ClusterDiff {
  const { cluster, host, machines } = changes;
  const all = [...cluster, ...host, ...machines.flatMap((machine) => machine.changes)];
  return {
    name: after.cluster,
    differs: !isEmpty(changes) || drift.host.length > 0,
    cost: worstCost(all),
    ...{ cluster, host },
    machines: machines.map(({ name, kind, changes: own }) => ({ name, kind, changes: own })),
    rollout,
  };
}
