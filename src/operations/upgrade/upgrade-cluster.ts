import { runSequence } from '../../apply/runner.ts';
import { refuseHalfMade } from '../half-made.ts';
import { KnestError } from '../../errors.ts';
import { gatherFacts } from '../../observe/host/gather.ts';
import { skewProblems } from '../../plan/versions/upgrade-path.ts';
import { clusterLock, readKeyMaterial, requireCluster } from '../../state/clusters.ts';
import { interruptedGeneration, keepGeneration, markDone } from '../../state/history.ts';
import type { Generation } from '../../state/history.ts';
import { acquireLock } from '../../state/lock.ts';
import { carryOutChange } from '../change/carry-out.ts';
import { unfinishedChange } from '../change/open-cluster.ts';
import type { OpenCluster } from '../change/open-cluster.ts';
import { openManager } from '../find-machines.ts';
import { finishChange } from '../nodes/finish-change.ts';
import { openSession } from '../session.ts';
import { layerStep } from '../steps.ts';
import { askPrograms } from './ask-programs.ts';
import { keepEtcd } from './keep-etcd.ts';
import { lookAtCluster } from './look.ts';
import { healthProblems } from './problems.ts';
import { nodesToUpgrade, planStages, refuseOptions, upgradeSteps } from './stages.ts';
import type { Staged, StageToCarryOut } from './stages.ts';
import { versionsOnTheWay } from './target.ts';
import type { UpgradeOptions, UpgradePlan, UpgradeProblem, UpgradeResult } from './types.ts';

/**
 * Brings a cluster, or some of its nodes, to another version of Kubernetes, another Debian suite or other components: step by
 * step where versions may not be left out, machine after machine. What speaks against it is found before anything is
 * touched; what the cluster is now is kept, with etcd's data, so that it can go back. Killed at any point, it is gone on
 * with by the same command.
 * @throws KnestError (UPGRADE_REFUSED, DRAIN_FAILED, NOT_READY, ...), InputError for versions that cannot be had
 */
export async function upgradeCluster(options: UpgradeOptions): Promise<UpgradeResult> {
  const started = performance.now();
  const session = openSession(options);
  const { host, paths } = session;
  const lock = await acquireLock(host, clusterLock(paths, options.name));
  try {
    const open = await openToUpgrade(session, options);
    const { record } = open;
    refuseOptions(record.plan, options);
    const staged = await stage(open, options);
    const { stages } = staged;
    const { forced } = await look(open, staged, options);
    const planned: UpgradePlan = {
      name: options.name,
      stages: stages.map(({ version, nodes, changes }) => ({ version, nodes, changes })),
      forced,
    };
    const seconds = (): number => (performance.now() - started) / 1000;
    const nothing = { ...planned, before: undefined };
    if (stages.length === 0 || options.dryRun) return { ...nothing, seconds: seconds() };
    if (!((await options.confirm?.(planned)) ?? true)) return { ...nothing, seconds: seconds() };
    await prepare(open, staged, options);
    const before = await keep(open, staged, options);
    await carryOutAll(open, staged, options);
    await markDone(host, paths, options.name, before);
    return { ...planned, before, seconds: seconds() };
  } finally {
    await lock.release();
  }
}

/** @throws KnestError for a cluster that is half made */
async function openToUpgrade(session: OpenCluster['session'], options: UpgradeOptions): Promise<OpenCluster> {
  const { host, paths, listener } = session;
  const record = await requireCluster(host, paths, options.name);
  refuseHalfMade(record, 'finish it with the same knest create cluster first');
  const manager = await openManager(session);
  const material = await readKeyMaterial(host, paths, options.name);
  const open = { session, manager, material, record };
  if (!options.dryRun) return finishChange(open, options);
  if (unfinishedChange(open)) {
    const message = 'an interrupted change of the cluster would be finished first';
    listener({ type: 'note', level: 'info', message });
  }
  return open;
}

async function stage({ session, record }: OpenCluster, options: UpgradeOptions): Promise<Staged> {
  const { host, paths, workstation, signal } = session;
  const { spec, plan } = record;
  const { kubernetesVersion: wanted, sources: directories = [], releaseMirror } = options;
  const nodes = nodesToUpgrade(plan);
  const versions =
    wanted === undefined && directories.length === 0
      ? []
      : await versionsOnTheWay(
          {
            ...{ spec, nodes, wanted, directories, releaseMirror },
            facts: await gatherFacts(host, paths, workstation.env),
          },
          { host, paths, user: workstation, signal },
        );
  const target = versions.at(-1)?.resolved.version;
  const skew = target === undefined ? [] : skewProblems(nodes, target, options.nodes);
  const locked =
    spec.image.lock === undefined
      ? []
      : [
          {
            message: `cluster "${plan.cluster}" goes by knest.lock, which names what its nodes are made of`,
            hint: 'change the config, write the lock anew with knest lock, then knest apply --config',
          },
        ];
  if (skew.length + locked.length > 0) throw refusal(plan.cluster, [...skew, ...locked]);
  const staged = await planStages(session, record, upgradeSteps(spec, plan, versions, options));
  const problems = staged.problems.map(({ message, hint = '' }) => ({ message, hint }));
  if (problems.length > 0) throw refusal(plan.cluster, problems);
  return staged;
}

/** What is wrong with the cluster as it is, for the whole way. @throws KnestError with all of it that is not forced */
async function look(
  open: OpenCluster,
  { stages }: Staged,
  options: UpgradeOptions,
): Promise<{ forced: readonly UpgradeProblem[] }> {
  if (stages.length === 0) return { forced: [] };
  const from = open.record.plan.kubernetesVersion;
  const to = stages.findLast(({ version }) => version !== undefined)?.version;
  const step = to === undefined ? undefined : { from, to };
  return refuse(open, healthProblems(await lookAtCluster(open, step), step), options);
}

function refuse(
  { session, record }: OpenCluster,
  problems: readonly UpgradeProblem[],
  { force = [] }: UpgradeOptions,
): { forced: readonly UpgradeProblem[] } {
  const forced = problems.filter(({ check }) => force.includes(check));
  const others = problems.filter((problem) => !forced.includes(problem));
  if (others.length > 0) {
    throw refusal(record.plan.cluster, others, [...new Set(others.map(({ check }) => check))]);
  }
  for (const { check, message } of forced)
    session.listener({ type: 'note', level: 'warning', message: `${message} (--force ${check})` });
  return { forced };
}

function refusal(
  cluster: string,
  problems: readonly { message: string; hint: string }[],
  checks: readonly string[] = [],
): KnestError {
  const instead = checks.length === 0 ? '' : `, or leave it out of account: --force ${checks.join(',')}`;
  return new KnestError(`cluster "${cluster}" cannot be upgraded like that; nothing was touched`, {
    code: 'UPGRADE_REFUSED',
    details: problems.map(({ message, hint }) => `${message}. ${hint}`),
    hint: `put it right${instead}`,
  });
}

/** All layers of all steps are there before anything stops, and their programs take the user's settings. */
async function prepare(open: OpenCluster, { stages, facts }: Staged, options: UpgradeOptions): Promise<void> {
  const { session } = open;
  const layers = new Map(stages.flatMap(({ plan }) => plan.layers).map((layer) => [layer.id, layer]));
  await runSequence(
    { parallel: [...layers.values()].map((layer) => layerStep(session, facts, layer)) },
    session.listener,
    session.signal,
  );
  const kubernetes = new Set(
    [...layers.values()].filter(({ kind }) => kind === 'kubernetes').map(({ id }) => id),
  );
  const problems = new Map<string, UpgradeProblem>();
  for (const { spec, plan, nodes } of stages.filter(({ version }) => version !== undefined)) {
    const machines = plan.machines.filter(({ name }) => nodes.includes(name));
    for (const problem of await askPrograms(session, spec, machines, kubernetes))
      problems.set(problem.message, problem);
  }
  refuse(open, [...problems.values()], options);
}

/** What the cluster is now, unless an interrupted run of the same upgrade has kept it already. */
async function keep(open: OpenCluster, { stages }: Staged, options: UpgradeOptions): Promise<Generation> {
  const { session, record } = open;
  const { host, paths } = session;
  const { kubernetesVersion, sources, suite, components, nodes } = options;
  const wanted = JSON.stringify({ kubernetesVersion, sources, suite, components, nodes });
  const interrupted = await interruptedGeneration(host, paths, options.name, { before: 'upgrade', wanted });
  if (interrupted) return interrupted;
  let kept: Generation | undefined;
  const step = {
    id: 'snapshot',
    title: 'Keep what the cluster is, with the data of etcd',
    run: async ({ progress }: { progress: (message: string) => void }) => {
      kept = await keepGeneration(host, paths, {
        spec: record.spec,
        plan: record.plan,
        before: 'upgrade',
        says: saysOf(open, stages),
        wanted,
        now: new Date(),
        snapshot: (file) => keepEtcd(open, file, progress),
      });
    },
  } as const;
  await runSequence(step, session.listener, session.signal);
  if (!kept) throw new Error('a step that ended has kept nothing');
  return kept;
}

function saysOf({ record: { plan } }: OpenCluster, stages: readonly StageToCarryOut[]): string {
  const versions = stages.flatMap(({ version }) => version ?? []);
  const others = stages
    .flatMap(({ changes }) => changes.machines.flatMap((machine) => machine.changes))
    .filter(({ what }) => what === 'component version')
    .map(({ says }) => says);
  return [
    ...(versions.length > 0 ? [`Kubernetes ${[plan.kubernetesVersion, ...versions].join(' -> ')}`] : []),
    ...new Set(others),
  ].join(', ');
}

async function carryOutAll(
  before: OpenCluster,
  { stages, facts }: Staged,
  options: UpgradeOptions,
): Promise<void> {
  const { listener } = before.session;
  // what was changed by hand is for apply to find
  const drift = { machines: [], host: [] };
  let open = before;
  for (const [index, one] of stages.entries()) {
    const { spec, plan, version, nodes } = one;
    const place = stages.length === 1 ? '' : `step ${index + 1} of ${stages.length}: `;
    if (stages.length > 1) {
      const message = `${place}${version ?? 'other components'} for ${nodes.join(', ')}`;
      listener({ type: 'note', level: 'info', message });
    }
    try {
      if (index > 0) {
        // the API servers of the step before know more of what goes
        const step =
          version === undefined ? undefined : { from: open.record.plan.kubernetesVersion, to: version };
        refuse(open, healthProblems(await lookAtCluster(open, step), step), options);
      }
      open = await carryOutChange(open, { spec, after: plan, facts, drift }, options);
    } catch (error) {
      await tellWhere(open, `${place}stopped`, one);
      throw error;
    }
  }
}

/** Where an upgrade stands that did not come to its end. */
async function tellWhere(
  { session: { host, paths, listener } }: OpenCluster,
  place: string,
  { plan, nodes }: StageToCarryOut,
): Promise<void> {
  const { cluster, machines } = plan;
  const { applied } = await requireCluster(host, paths, cluster);
  const isDone = (name: string): boolean => {
    const found = applied.machines.find(({ machine }) => machine.name === name);
    const wanted = machines.find((machine) => machine.name === name);
    return found?.underway === undefined && found?.machine.layers.join() === wanted?.layers.join();
  };
  const done = nodes.filter(isDone);
  const left = nodes.filter((name) => !isDone(name));
  const message =
    `${place}: done ${done.join(', ') || 'none'}, left ${left.join(', ') || 'none'}. ` +
    `To go on: the same command again. To go back: knest rollback cluster --name ${cluster}`;
  listener({ type: 'note', level: 'warning', message });
}
