import type { MachineManager } from '../managers/types.ts';
import { parallel, runSequence, serial } from '../apply/runner.ts';
import type { Sequence } from '../apply/runner.ts';
import { KnestError } from '../errors.ts';
import type { HostFacts } from '../facts/types.ts';
import type { KeyMaterial } from '../pki/issue.ts';
import { controlPlanesOf } from '../plan/control-planes.ts';
import type { ClusterPlan, MachinePlan } from '../plan/types.ts';
import { freeNodeNames } from '../spec/node-names.ts';
import type { ClusterSpec, NodeSpec } from '../spec/types.ts';
import * as records from '../state/clusters.ts';
import { acquireLock } from '../state/lock.ts';
import { moveToPlan } from './move-to-plan.ts';
import { openManager } from './find-machines.ts';
import { joinEtcd, leaveEtcd } from './etcd-membership.ts';
import { prepare } from './phases/prepare.ts';
import { openSession } from './session.ts';
import type { Session } from './session.ts';
import { bootMachine, certificatesStep, defaultWait, layerStep, readySteps, rollBack } from './steps.ts';
import type { AddNodesOptions, AddNodesResult } from './types.ts';

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
    if (record.created === undefined) {
      throw new KnestError(`creating cluster "${options.name}" did not finish`, {
        code: 'CLUSTER_INCOMPLETE',
        hint: 'finish it with the same knest create cluster, then add nodes',
      });
    }
    const { spec: oldSpec, plan: before } = record;
    const added = newNodes(oldSpec, options);
    const spec = { ...oldSpec, nodes: [...oldSpec.nodes, ...added] };
    const { plan: after, facts } = await prepare(session, spec, {
      install: options.yes ?? false,
      previous: before,
    });
    const manager = await openManager(session);
    const machines = after.machines.filter(({ name }) => added.some((node) => node.name === name));
    const work = { session, options, oldSpec, spec, before, after, machines, facts, manager };
    try {
      await runSequence(addSteps(work), session.listener, session.signal);
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

interface Work {
  session: Session;
  options: AddNodesOptions;
  oldSpec: ClusterSpec;
  spec: ClusterSpec;
  before: ClusterPlan;
  after: ClusterPlan;
  /** The new ones. */
  machines: readonly MachinePlan[];
  facts: HostFacts;
  manager: MachineManager;
}

function addSteps(work: Work): Sequence {
  const { session, options, spec, before, after, machines, facts, manager } = work;
  let material: KeyMaterial = new Map();
  const wanted = new Set(machines.flatMap(({ layers }) => layers));
  const timeout = options.wait ?? defaultWait;
  return serial(
    parallel(
      ...after.layers.filter(({ id }) => wanted.has(id)).map((layer) => layerStep(session, facts, layer)),
      certificatesStep(session, after, (issued) => {
        material = issued;
      }),
    ),
    {
      id: 'others',
      title: 'Tell the other nodes',
      run: () => moveToPlan({ session, manager, material, spec, before, after }),
    },
    machineSteps(work, () => material),
    ...(timeout > 0
      ? readySteps({ session, plan: { ...after, machines }, manager, material: () => material, timeout })
      : []),
  );
}

function machineSteps(work: Work, material: () => KeyMaterial): Sequence {
  const { session, machines, manager } = work;
  const start = (machine: MachinePlan, signal: AbortSignal): Promise<void> =>
    bootMachine(session, manager, machine, material(), signal);
  const steps = machines.map((machine) => ({
    id: `machine/${machine.name}` as const,
    title: `Machine ${machine.name} (${machine.address})`,
    run: ({ signal }: { signal: AbortSignal }) => {
      if (machine.role === 'worker') return start(machine, signal);
      return joinEtcd(
        membersBefore(work, machine),
        machine,
        material(),
        () => start(machine, signal),
        signal,
      );
    },
  }));
  return machines.some(({ role }) => role === 'control-plane') ? serial(...steps) : parallel(...steps);
}

/** Back to what was: the last that came goes first, so that etcd always has its majority. */
async function undoAdd({ session, oldSpec, before, after, machines, manager }: Work): Promise<void> {
  const material = await records.readKeyMaterial(session.host, session.paths, before.cluster);
  for (const machine of [...machines].reverse()) {
    if (machine.role === 'control-plane') {
      await leaveEtcd(membersBefore({ before, machines }, machine), machine, material);
    }
    await manager.destroy(machine);
  }
  await moveToPlan({ session, manager, material, spec: oldSpec, before: after, after: before });
}

/** The control planes that are in etcd when it is this one's turn. */
function membersBefore(
  { before, machines }: Pick<Work, 'before' | 'machines'>,
  machine: MachinePlan,
): MachinePlan[] {
  return controlPlanesOf([...before.machines, ...machines.slice(0, machines.indexOf(machine))]);
}
