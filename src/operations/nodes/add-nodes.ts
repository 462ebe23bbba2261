import { destroyMachine } from '../../apply/made-on-host.ts';
import { refuseHalfMade } from '../half-made.ts';
import type { MachineManager } from '../../managers/types.ts';
import { runSequence, runStep, serial, sideBySide } from '../../apply/runner.ts';
import type { HostFacts } from '../../facts/types.ts';
import type { ClusterPlan, MachinePlan } from '../../plan/types.ts';
import { freeNodeNames } from '../../spec/node-names.ts';
import type { ClusterSpec, NodeSpec } from '../../spec/types.ts';
import { removeAppliedMachine } from '../../state/applied.ts';
import * as records from '../../state/clusters.ts';
import type { ClusterRecord } from '../../state/clusters.ts';
import { acquireLock } from '../../state/lock.ts';
import { moveToPlan } from './move-to-plan.ts';
import { openManager } from '../find-machines.ts';
import { bootSteps, membersBefore } from './boot-nodes.ts';
import type { NewNodes } from './boot-nodes.ts';
import { leaveEtcd } from './etcd-membership.ts';
import { finishChange } from './finish-change.ts';
import { acquire } from '../phases/acquire.ts';
import { planBesideOthers } from '../phases/plan.ts';
import { openSession } from '../session.ts';
import type { Session } from '../session.ts';
import { certificatesStep, defaultWait, layerStep, readySteps, rollBack } from '../steps.ts';
import type { AddNodesOptions, AddNodesResult } from '../types.ts';

/**
 * Adds nodes to a cluster that runs and returns when they are Ready. Control planes come one after the other: etcd
 * takes a new member only when all others are well.
 * @throws KnestError, InputError, CommandError; see exitCodes for the kinds
 */
export async function addNodes(options: AddNodesOptions): Promise<AddNodesResult> {
  const started = performance.now();
  const session = openSession(options);
  const { host, paths } = session;
  const lock = await acquireLock(host, records.clusterLock(paths, options.name));
  try {
    const record = await records.requireCluster(host, paths, options.name);
    refuseHalfMade(record, 'finish it with the same knest create cluster, then add nodes');
    const manager = await openManager(session);
    const material = await records.readKeyMaterial(host, paths, options.name);
    const { record: finished } = await finishChange(
      { session, manager, material, record },
      options.wait === undefined ? {} : { wait: options.wait },
    );
    const { spec: oldSpec, plan: before } = finished;
    const added = newNodes(oldSpec, options);
    const spec = { ...oldSpec, nodes: [...oldSpec.nodes, ...added] };
    const made = makingOf(session, spec, options);
    const acquired = await acquire(session, made, { install: options.yes ?? false, previous: before });
    const after = await planBesideOthers(session, made, acquired, { previous: before });
    const { facts } = acquired;
    const machines = after.machines.filter(({ name }) => added.some((node) => node.name === name));
    const work = { session, options, record: finished, spec, after, machines, facts, manager };
    try {
      await addAll(work);
    } catch (error) {
      if (!options.retain) {
        const names = machines.map(({ name }) => name).join(' ');
        const command = `knest delete node --force ${names} --name ${options.name}`;
        await rollBack(session, error, command, () => undoAdd(work));
      }
      throw error;
    }
    return {
      name: options.name,
      nodes: machines.map(({ name }) => name),
      seconds: (performance.now() - started) / 1000,
    };
  } finally {
    await lock.release();
  }
}

/** As in the config file of a new cluster: control planes are tainted where there are workers. */
function newNodes(spec: ClusterSpec, { name, role, count, changes = {} }: AddNodesOptions): NodeSpec[] {
  const { labels, taints, suite, kubernetesVersion, resources } = changes;
  const taken = spec.nodes.map((node) => node.name);
  const tainted = role === 'control-plane' && spec.nodes.some((node) => node.role === 'worker');
  return freeNodeNames(name, role, count, taken).map((nodeName) => ({
    name: nodeName,
    role,
    labels: labels ?? {},
    taints: taints ?? (tainted ? 'control-plane' : []),
    suite,
    kubernetes:
      kubernetesVersion === undefined
        ? undefined
        : { version: kubernetesVersion, source: spec.kubernetes.source },
    resources: { cpus: undefined, memory: undefined, tasks: undefined, ioWeight: undefined, ...resources },
    extraMounts: [],
    extraPortMappings: [],
    kubelet: { extraArgs: {}, config: {} },
  }));
}

/** The spec by which the new nodes are made; the cluster keeps its lock for those that come later. */
function makingOf(
  { listener }: Session,
  spec: ClusterSpec,
  { name, lock = true }: AddNodesOptions,
): ClusterSpec {
  const { lock: locked, ...image } = spec.image;
  if (!locked) return spec;
  const message = lock
    ? `New nodes are made as the lock of cluster "${name}" says`
    : `New nodes are made without the lock of cluster "${name}"`;
  listener({ type: 'note', level: 'info', message });
  return lock ? spec : { ...spec, image };
}

interface Work {
  session: Session;
  options: AddNodesOptions;
  /** The cluster without the new nodes. */
  record: ClusterRecord;
  spec: ClusterSpec;
  after: ClusterPlan;
  /** The machines of the new nodes. */
  machines: readonly MachinePlan[];
  facts: HostFacts;
  manager: MachineManager;
}

async function addAll(work: Work): Promise<void> {
  const { session, options, record, spec, after, machines, facts, manager } = work;
  const { listener, signal } = session;
  const wanted = new Set(machines.flatMap(({ layers }) => layers));
  const layers = after.layers.filter(({ id }) => wanted.has(id));
  const [material] = await sideBySide(
    signal,
    (both) => runStep(certificatesStep(session, after), listener, both),
    ...layers.map(
      (layer) => (both: AbortSignal) => runSequence(layerStep(session, facts, layer), listener, both),
    ),
  );
  const timeout = options.wait ?? defaultWait;
  const steps = serial(
    {
      id: 'others',
      title: 'Tell the other nodes',
      run: () => moveToPlan({ session, manager, material, applied: record.applied, plan: after }, spec),
    },
    bootSteps({ ...nodesOf(work), material }),
    ...(timeout > 0 ? readySteps({ session, plan: { ...after, machines }, manager, material, timeout }) : []),
  );
  await runSequence(steps, listener, signal);
}

function nodesOf({ session, manager, record, machines }: Work): Omit<NewNodes, 'material'> {
  const { cluster, machines: present } = record.plan;
  return { session, manager, cluster, present, machines };
}

/** Removes the new nodes, the last one first, so that etcd never loses its majority. */
async function undoAdd(work: Work): Promise<void> {
  const { session, record, machines, manager } = work;
  const { host, paths } = session;
  const { cluster } = record.plan;
  const material = await records.readKeyMaterial(host, paths, cluster);
  for (const machine of [...machines].reverse()) {
    if (machine.role === 'control-plane') {
      await leaveEtcd(host, membersBefore(nodesOf(work), machine), machine, material);
    }
    await destroyMachine(host, manager, machine, record.plan.machines);
    await removeAppliedMachine(host, records.clusterFolder(paths, cluster), machine.name);
  }
  const { applied } = await records.requireCluster(host, paths, cluster);
  await moveToPlan({ session, manager, material, applied, plan: record.plan }, record.spec);
}
