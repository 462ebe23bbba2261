import { runSequence, runStep } from '../../apply/runner.ts';
import { isEmpty } from '../../diff/diff-plans.ts';
import { differs } from '../../diff/equal.ts';
import { KnestError, messageOf } from '../../errors.ts';
import { gatherAptFacts, gatherFacts } from '../../observe/host/gather.ts';
import { membersProblem, onlyWorkers, whyDataGoesBack, workersToGoBack } from '../../plan/go-back.ts';
import { unique } from '../../plan/spec-layers.ts';
import type { ClusterPlan } from '../../plan/types.ts';
import { appliedPlan } from '../../state/applied.ts';
import { clusterLock, readKeyMaterial, requireCluster } from '../../state/clusters.ts';
import { keepGeneration, listGenerations, markDone, requireGeneration } from '../../state/history.ts';
import type { Generation, KeptGeneration } from '../../state/history.ts';
import { acquireLock } from '../../state/lock.ts';
import { readPendingRestore, writePendingRestore } from '../../state/pending-restore.ts';
import { carryOutChange, rollOut, writeWanted } from '../change/carry-out.ts';
import { changesTo } from '../change/open-cluster.ts';
import type { OpenCluster } from '../change/open-cluster.ts';
import { answers } from '../change/turn.ts';
import { openManager } from '../find-machines.ts';
import { choose } from '../phases/acquire.ts';
import { planBesideOthers } from '../phases/plan.ts';
import { openSession } from '../session.ts';
import { certificatesStep, layerStep } from '../steps.ts';
import { keepEtcd } from '../upgrade/keep-etcd.ts';
import type { RollbackOptions, RollbackPlan, RollbackResult } from '../upgrade/types.ts';
import { finishRestore } from './restore-data.ts';

/**
 * Brings a cluster back to what it was before a change: its plan, and with it layers, files and versions. Where the programs
 * of then would not understand what has been written since, etcd's data goes back, too, and what was written is lost. An
 * interrupted change is not finished first: it is what one may want to come back from. Killed at any point, the next
 * command goes on.
 * @throws KnestError (GENERATION_NOT_FOUND, ROLLBACK_REFUSED, ...)
 */
export async function rollbackCluster(options: RollbackOptions): Promise<RollbackResult> {
  const started = performance.now();
  const session = openSession(options);
  const { host, paths } = session;
  const { name } = options;
  const lock = await acquireLock(host, clusterLock(paths, name));
  try {
    const record = await requireCluster(host, paths, name);
    if (record.created === undefined) {
      throw new KnestError(`creating cluster "${name}" did not finish: there is nothing before it`, {
        code: 'CLUSTER_INCOMPLETE',
        hint: 'finish it with the same knest create cluster, or knest delete cluster',
      });
    }
    const manager = await openManager(session);
    const material = await readKeyMaterial(host, paths, name);
    let open: OpenCluster = { session, manager, material, record };
    const { target, interrupted } = await chooseGeneration(open, options.to);
    const planned = planRollback(open, target, (await readPendingRestore(host, paths, name)) !== undefined);
    const seconds = (): number => (performance.now() - started) / 1000;
    const done = (before: Generation | undefined): RollbackResult => ({
      ...{ ...planned, before, seconds: seconds() },
    });
    if (options.dryRun) return done(undefined);
    // what was wanted and not begun is not wanted any more
    const isThere = isEmpty(planned.changes) && !differs(record.plan, target.plan);
    if (isThere && planned.because === undefined) {
      if (interrupted) await markDone(host, paths, name, interrupted);
      return done(undefined);
    }
    if (!((await options.confirm?.(planned)) ?? true)) return done(undefined);
    const before = interrupted ?? (await keepPresent(open, target));
    if (planned.because === undefined) open = await plainly(open, target, options);
    else open = await withData(open, target, options);
    await markDone(host, paths, name, before);
    return done(before);
  } finally {
    await lock.release();
  }
}

/** What was changed by hand is for apply to find. */
const notLookedFor = { machines: [], host: [] };

/** The newest one, unless going back to another one was interrupted: that is gone on with. */
async function chooseGeneration(
  { session: { host, paths }, record }: OpenCluster,
  to: number | undefined,
): Promise<{ target: KeptGeneration; interrupted: Generation | undefined }> {
  const { cluster } = record.plan;
  const newest = (await listGenerations(host, paths, cluster)).at(-1);
  const halfway = newest?.before === 'rollback' && newest.done !== true ? newest : undefined;
  const goingTo = halfway?.wanted === undefined ? undefined : Number(halfway.wanted);
  const target = await requireGeneration(host, paths, cluster, to ?? goingTo);
  return { target, interrupted: target.number === goingTo ? halfway : undefined };
}

/** @param underway data is being brought back already @throws KnestError when it cannot be */
function planRollback(
  { material, record: { plan, applied } }: OpenCluster,
  target: KeptGeneration,
  underway: boolean,
): RollbackPlan {
  const { plan: after } = target;
  const to = described(target);
  const machines = applied.machines.flatMap((one) => [one.machine, ...(one.underway ? [one.underway] : [])]);
  const why = whyDataGoesBack(machines, after);
  const because = why ?? (underway ? 'that has begun already' : undefined);
  const problem = because === undefined ? undefined : problemOfData(plan, after, to);
  if (problem !== undefined) {
    throw new KnestError(
      `cluster "${plan.cluster}" cannot go back to generation ${to.number}; nothing was touched`,
      {
        code: 'ROLLBACK_REFUSED',
        details: [`${because ?? ''}, and ${problem}`],
        hint: 'restore a backup: knest backup restore; or go back to another generation: knest get generations',
      },
    );
  }
  return {
    name: plan.cluster,
    to,
    changes: changesTo(after, applied, material),
    lostSince: because === undefined ? undefined : to.snapshot?.taken,
    because,
  };
}

/** Without what it consists of. */
function described({
  number,
  taken,
  before,
  says,
  kubernetesVersion,
  nodes,
  snapshot,
  wanted,
  done,
}: KeptGeneration): Generation {
  return { number, taken, before, says, kubernetesVersion, nodes, snapshot, wanted, done };
}

function problemOfData(present: ClusterPlan, after: ClusterPlan, to: Generation): string | undefined {
  if (!to.snapshot) return "etcd's data was not kept with it";
  return membersProblem(present, after);
}

/** What the cluster is now, so that one can go forward again; etcd's data as well, if it answers. */
async function keepPresent(open: OpenCluster, target: KeptGeneration): Promise<Generation> {
  const { session, record } = open;
  const { host, paths, listener } = session;
  const common = {
    spec: record.spec,
    plan: record.plan,
    before: 'rollback' as const,
    says: `back to generation ${target.number}, Kubernetes ${target.kubernetesVersion}`,
    wanted: String(target.number),
    now: new Date(),
    stays: target.number,
  };
  try {
    return await keepGeneration(host, paths, {
      ...common,
      snapshot: (file) => keepEtcd(open, file, () => undefined),
    });
  } catch (error) {
    if (!(error instanceof KnestError)) throw error;
    const message = `what etcd has now is not kept: ${messageOf(error)}`;
    listener({ type: 'note', level: 'warning', message });
    return keepGeneration(host, paths, common);
  }
}

async function plainly(
  open: OpenCluster,
  { spec, plan: after }: KeptGeneration,
  options: RollbackOptions,
): Promise<OpenCluster> {
  return carryOutChange(open, { spec, after, facts: await factsFor(open), drift: notLookedFor }, options);
}

async function factsFor({ session: { host, paths, workstation } }: OpenCluster) {
  const [facts, apt] = await Promise.all([gatherFacts(host, paths, workstation.env), gatherAptFacts(host)]);
  return { ...facts, apt };
}

/** Workers first, while the API answers; then all control planes at once, with their data. */
async function withData(
  before: OpenCluster,
  target: KeptGeneration,
  options: RollbackOptions,
): Promise<OpenCluster> {
  const { session } = before;
  const { host, paths, listener, signal } = session;
  const { cluster } = target.plan;
  const facts = await factsFor(before);
  await runSequence(
    { parallel: target.plan.layers.map((layer) => layerStep(session, facts, layer)) },
    listener,
    signal,
  );
  let open = before;
  if (!(await readPendingRestore(host, paths, cluster))) {
    open = await workersFirst(open, target, facts, options);
    await runStep(certificatesStep(session, target.plan), listener, signal);
    // first: a knest that finds the plan without this would start old programs on new data
    await writePendingRestore(host, paths, cluster, { generation: target.number, phase: 'begun' });
    await writeWanted(open, target.spec, target.plan);
  }
  const [record, material] = await Promise.all([
    requireCluster(host, paths, cluster),
    readKeyMaterial(host, paths, cluster),
  ]);
  open = await finishRestore({ ...open, record, material }, options);
  return rollOut(open, options);
}

async function workersFirst(
  open: OpenCluster,
  target: KeptGeneration,
  facts: Awaited<ReturnType<typeof factsFor>>,
  options: RollbackOptions,
): Promise<OpenCluster> {
  const { session, record } = open;
  const present = presentPlan(open, target);
  const workers = present ? workersToGoBack(present, target.plan) : [];
  // without an API server nobody can evict pods, and kubelets have nobody to be newer than
  if (!present || workers.length === 0 || !(await answers(open))) return open;
  const { spec, keep } = onlyWorkers({ spec: record.spec, plan: present }, target, workers);
  const kubernetes = await choose(session, spec, facts, keep);
  const acquired = { facts, kubernetes, leases: {} };
  const after = await planBesideOthers(session, spec, acquired, { previous: present, keep });
  return carryOutChange(open, { spec, after, facts, drift: notLookedFor }, options);
}

/** What has been carried out, with all layers that any of its machines may have. */
function presentPlan({ record }: OpenCluster, target: KeptGeneration): ClusterPlan | undefined {
  const applied = appliedPlan(record.applied);
  if (!applied) return undefined;
  return { ...applied, layers: unique([...applied.layers, ...record.plan.layers, ...target.plan.layers]) };
}
