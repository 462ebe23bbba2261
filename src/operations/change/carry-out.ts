/** A change of a cluster that lives, carried out. */

import { parallel, runSequence, runStep, serial, sideBySide } from '../../apply/runner.ts';
import type { Sequence, Step } from '../../apply/runner.ts';
import { hasLayer } from '../../artifacts/layers.ts';
import { gatherAptFacts, gatherFacts } from '../../observe/host/gather.ts';
import type { ClusterChanges } from '../../diff/types.ts';
import type { HostFacts } from '../../facts/types.ts';
import { controlPlanesOf } from '../../plan/control-planes.ts';
import type { ClusterPlan, MachinePlan } from '../../plan/types.ts';
import type { ClusterSpec } from '../../spec/types.ts';
import { writeAppliedMachine } from '../../state/applied.ts';
import { clusterFolder, readKeyMaterial, requireCluster, writeCluster } from '../../state/clusters.ts';
import { bootSteps } from '../nodes/boot-nodes.ts';
import { settle, updateApplied, updateHost } from '../nodes/move-to-plan.ts';
import { removalSteps } from '../nodes/remove-node.ts';
import type { Session } from '../session.ts';
import { certificatesStep, defaultWait, layerStep, readySteps } from '../steps.ts';
import { withDrift } from './drift.ts';
import type { Drift } from './drift.ts';
import { interruptedIn, unfinishedChange } from './open-cluster.ts';
import type { OpenCluster } from './open-cluster.ts';
import { planRollout } from './rollout.ts';
import type { Rollout } from './rollout.ts';
import { nodeObjectDiffers } from './node-object.ts';
import { answers, drainStep, plansOf, tellNode, turnSteps } from './turn.ts';
import type { CarryOutOptions, PlannedChange } from './types.ts';

/**
 * Makes a change so. What it needs is fetched and built first, while nothing is touched; then spec and plan are recorded
 * as wanted; then it goes through the cluster in the order of its rollout, each part recorded when it is done. Whoever is
 * killed in between leaves a cluster that the next command finishes, or that another change brings elsewhere.
 * @returns the cluster as it is afterwards
 * @throws KnestError (DRAIN_FAILED, QUORUM_LOSS, NOT_READY, ...) where it stops; what is left is still wanted
 */
export async function carryOutChange(
  cluster: OpenCluster,
  { spec, after, facts, drift }: Pick<PlannedChange, 'spec' | 'after' | 'facts' | 'drift'>,
  options: CarryOutOptions = {},
): Promise<OpenCluster> {
  const { session } = cluster;
  const { listener, signal } = session;
  await sideBySide(
    signal,
    (both) => runStep(certificatesStep(session, after), listener, both),
    ...after.layers.map(
      (layer) => (both: AbortSignal) => runSequence(layerStep(session, facts, layer), listener, both),
    ),
  );
  await writeWanted(cluster, spec, after);
  const { host, paths } = session;
  const [record, material] = await Promise.all([
    requireCluster(host, paths, after.cluster),
    // with the passwords of the new spec
    readKeyMaterial(host, paths, after.cluster),
  ]);
  return rollOut({ ...cluster, record: withDrift(record, drift), material }, options, drift);
}

/**
 * Records what is wanted from now on. A machine that was wanted until now and is not any more may have been made without
 * anybody noting it, by a knest that was killed: it counts as there, so that it is taken away.
 */
export async function writeWanted(
  { session: { host, paths }, material, record }: OpenCluster,
  spec: ClusterSpec,
  plan: ClusterPlan,
): Promise<void> {
  const { applied } = record;
  const known = new Set([...applied.machines.map(({ machine }) => machine), ...plan.machines].map(nameOf));
  for (const machine of record.plan.machines.filter(({ name }) => !known.has(name)))
    await writeAppliedMachine(host, clusterFolder(paths, plan.cluster), machine, material, { well: false });
  await writeCluster(host, paths, spec, plan);
}

/**
 * Brings a cluster from what has been carried out of it to the plan that is wanted, in the order of its rollout. Nodes
 * come and go only while the API answers. Does nothing when nothing is left to do.
 * @param drift what was changed by hand on the host; of machines the record says it, see withDrift
 * @returns the cluster as it is afterwards
 */
export async function rollOut(
  cluster: OpenCluster,
  options: CarryOutOptions = {},
  drift?: Drift,
): Promise<OpenCluster> {
  const hostDrifted = (drift?.host ?? []).length > 0;
  const changes = unfinishedChange(cluster) ?? (hostDrifted ? noChanges : undefined);
  if (!changes) return cluster;
  const { session, manager, material, record } = cluster;
  const { plan, spec, applied } = record;
  const rollout = planRollout(changes, plan, spec, {
    ...options,
    interrupted: interruptedIn(applied),
  });
  const run = (steps: readonly Sequence[]): Promise<void> =>
    runSequence(serial(...steps), session.listener, session.signal);
  const leaving = leavingSteps(cluster, rollout, options);
  await run(await missingLayers(session, plan));
  const early = leaving.length === 0 || (await answers(cluster));
  if (early) await run(leaving);
  const move = { session, manager, material, applied, plan };
  await run([
    {
      id: 'others',
      title: 'Bring host and nodes to the plan',
      run: async () => {
        await updateHost(move, { again: hostDrifted });
        const loud = new Set(rollout.waves.flat().map(({ machine }) => machine));
        for (const machine of plan.machines.filter(({ name }) => !loud.has(name)))
          await changeQuietly(cluster, machine);
      },
    },
    ...rollout.waves.map((wave) =>
      parallel(...wave.map((turn) => serial(...turnSteps(cluster, turn, options)))),
    ),
  ]);
  const joining = joiningSteps(cluster, rollout, options);
  const late = [...(early ? [] : leaving), ...joining];
  if (late.length > 0) {
    if (await answers(cluster)) await run(late);
    else tellWaiting(session);
  }
  await settle(move);
  return { ...cluster, record: await requireCluster(session.host, session.paths, plan.cluster) };
}

/** A machine in which nothing starts anew. Its Node object is told first: who goes on must know what it had before. */
async function changeQuietly(cluster: OpenCluster, machine: MachinePlan): Promise<void> {
  const { session, manager, material, record } = cluster;
  const { plan, applied } = record;
  const old = applied.machines.find((one) => one.machine.name === machine.name);
  if (!old) return;
  if (nodeObjectDiffers(plansOf(old), machine)) {
    if (await answers(cluster)) await tellNode(cluster, old, machine);
    else {
      const message = `the API server does not answer: labels and taints of ${machine.name} have to wait`;
      session.listener({ type: 'note', level: 'info', message });
      return;
    }
  }
  await updateApplied({ session, manager, material, applied, plan }, machine);
}

const noChanges: ClusterChanges = { cluster: [], host: [], machines: [] };

function nameOf({ name }: { name: string }): string {
  return name;
}

function tellWaiting({ listener }: Session): void {
  const message = 'nodes that come or go have to wait until more than half of the control planes run';
  listener({ type: 'note', level: 'info', message });
}

/** Layers that were taken out of the cache since the plan was made. */
async function missingLayers(session: Session, plan: ClusterPlan): Promise<Step[]> {
  const { host, paths, workstation } = session;
  const has = await Promise.all(plan.layers.map((layer) => hasLayer(layer, { host, paths })));
  const missing = plan.layers.filter((_, index) => !has[index]);
  if (missing.length === 0) return [];
  const facts: HostFacts = {
    ...(await gatherFacts(host, paths, workstation.env)),
    apt: await gatherAptFacts(host),
  };
  return missing.map((layer) => layerStep(session, facts, layer));
}

/** Nodes that go, one after the other. Host and other nodes are told with the rest of the change. */
function leavingSteps(cluster: OpenCluster, { leaving }: Rollout, options: CarryOutOptions): Sequence[] {
  const { session, manager, material, record } = cluster;
  const { plan, spec, applied } = record;
  const { except = [] } = options;
  const staying = controlPlanesOf(staysOf(cluster));
  return leaving
    .filter(({ machine }) => !except.includes(machine))
    .flatMap(({ machine: name, drain }) => {
      const old = applied.machines.find(({ machine }) => machine.name === name);
      if (!old) return [];
      const removal = { session, manager, material, machine: old.machine, staying, plan, spec };
      return [
        ...(drain ? [drainStep(cluster, old, options)] : []),
        ...removalSteps({ ...removal, force: false, othersLater: true }),
      ];
    });
}

/** Nodes that come, and what they are waited for. */
function joiningSteps(cluster: OpenCluster, { joining }: Rollout, options: CarryOutOptions): Sequence[] {
  const { session, manager, material, record } = cluster;
  const { plan } = record;
  const { except = [], wait = defaultWait } = options;
  const machines = plan.machines.filter(({ name }) => joining.includes(name) && !except.includes(name));
  if (machines.length === 0) return [];
  const common = { session, manager, material };
  return [
    bootSteps({ ...common, cluster: plan.cluster, present: staysOf(cluster), machines }),
    ...(wait > 0 ? readySteps({ ...common, plan: { ...plan, machines }, timeout: wait }) : []),
  ];
}

/** Machines that are there and stay. */
function staysOf({ record: { plan, applied } }: OpenCluster): MachinePlan[] {
  const wanted = new Set(plan.machines.map(nameOf));
  return applied.machines.map(({ machine }) => machine).filter(({ name }) => wanted.has(name));
}
