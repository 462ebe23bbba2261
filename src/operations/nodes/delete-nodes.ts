import type { MachineManager } from '../../managers/types.ts';
import { runSequence } from '../../apply/runner.ts';
import type { Step } from '../../apply/runner.ts';
import { KnestError } from '../../errors.ts';
import type { HostFacts } from '../../facts/types.ts';
import type { Host } from '../../host/types.ts';
import { gatherFacts } from '../../observe/host/gather.ts';
import type { KeyMaterial } from '../../pki/issue.ts';
import { controlPlanesOf } from '../../plan/control-planes.ts';
import type { ClusterPlan, MachinePlan } from '../../plan/types.ts';
import { clusterLock, readKeyMaterial, requireCluster } from '../../state/clusters.ts';
import type { ClusterRecord } from '../../state/clusters.ts';
import { unionPlan } from '../../state/union-plan.ts';
import { acquireLock } from '../../state/lock.ts';
import { drainNode } from './drain.ts';
import { requireQuorumWithout } from './etcd-membership.ts';
import { namedMachines, openManager, readClusters, requireMachine } from '../find-machines.ts';
import { finishChange } from './finish-change.ts';
import { planChange } from './move-to-plan.ts';
import { removalSteps } from './remove-node.ts';
import type { NodeRemoval } from './remove-node.ts';
import { openSession } from '../session.ts';
import type { Session } from '../session.ts';
import type { DeleteNodesOptions, DeleteNodesResult } from '../types.ts';

/** Milliseconds: pods have 30 s to end unless they say otherwise. */
const defaultDrainTimeout = 60_000;

/**
 * Deletes nodes of a cluster: their pods are evicted, control planes leave etcd, their machines and Node objects go.
 * @throws KnestError when the last control plane would go, etcd would lose its quorum or pods cannot be evicted (both
 *   but for `force`); kind "notFound", "locked"
 */
export async function deleteNodes(options: DeleteNodesOptions): Promise<DeleteNodesResult> {
  const session = openSession(options);
  const { host, paths } = session;
  const cluster = options.name ?? (await clusterOf(session, options.nodes[0] ?? ''));
  await requireCluster(host, paths, cluster);
  const lock = await acquireLock(host, clusterLock(paths, cluster));
  try {
    const found = await requireCluster(host, paths, cluster);
    const manager = await openManager(session);
    const known = await readKeyMaterial(host, paths, cluster);
    const open = { session, manager, material: known, record: found };
    const { record, material } = await finishChange(open, { except: options.nodes });
    const leaving = namedMachines(unionPlan(record), options.nodes);
    await refuse(host, record.plan, leaving, material, options.force ?? false);
    const facts = await gatherFacts(host, paths, session.workstation.env);
    for (const machine of leaving) {
      // read again: deleting the node before has changed it
      const before = await requireCluster(host, paths, cluster);
      const removal = await planRemoval(
        { session, options, leaving, machine, material, manager },
        before,
        facts,
      );
      const steps = [...drainSteps(removal, options, before.plan), ...removalSteps(removal)];
      await runSequence({ serial: steps }, session.listener, session.signal);
    }
    return { cluster, nodes: leaving.map(({ name }) => name) };
  } finally {
    await lock.release();
  }
}

/** The name of a node's cluster; also for a node whose deletion was interrupted. */
async function clusterOf(session: Session, node: string): Promise<string> {
  const interrupted = (await readClusters(session)).find((record) =>
    unionPlan(record).machines.some(({ name }) => name === node),
  );
  return interrupted?.plan.cluster ?? (await requireMachine(session, node)).record.plan.cluster;
}

async function refuse(
  host: Host,
  { cluster, machines }: ClusterPlan,
  all: readonly MachinePlan[],
  material: KeyMaterial,
  force: boolean,
): Promise<void> {
  // a node whose deletion was interrupted may have left etcd already: it does not count
  const leaving = all.filter(({ name }) => machines.some((machine) => machine.name === name));
  const controlPlanes = controlPlanesOf(machines);
  const leavingControlPlanes = controlPlanesOf(leaving);
  if (leavingControlPlanes.length === controlPlanes.length) {
    throw new KnestError(`cluster "${cluster}" would be left without a control plane`, {
      code: 'LAST_CONTROL_PLANE',
      hint: `to delete it as a whole: knest delete cluster --name ${cluster}`,
    });
  }
  if (leavingControlPlanes.length > 0 && !force) {
    await requireQuorumWithout(host, leavingControlPlanes, controlPlanes, material);
  }
}

interface Work {
  session: Session;
  options: DeleteNodesOptions;
  leaving: readonly MachinePlan[];
  machine: MachinePlan;
  material: KeyMaterial;
  manager: MachineManager;
}

/** @param before the cluster while the machine is still in it */
async function planRemoval(
  { session, options, leaving, machine, material, manager }: Work,
  before: ClusterRecord,
  facts: HostFacts,
): Promise<NodeRemoval> {
  const goes = ({ name }: { name: string }): boolean => name === machine.name;
  const isThere = before.plan.machines.some(goes);
  const spec = { ...before.spec, nodes: before.spec.nodes.filter((node) => !goes(node)) };
  const plan = isThere ? await planChange(session, facts, spec, before.plan) : before.plan;
  const staying = controlPlanesOf(before.plan.machines).filter(
    ({ name }) => !leaving.some((one) => one.name === name),
  );
  return { session, manager, material, machine, staying, plan, spec, force: options.force ?? false };
}

/** A node that does not run cannot end its pods: they are deleted with its Node object. */
function drainSteps(
  removal: NodeRemoval,
  { force, drainTimeout = defaultDrainTimeout }: DeleteNodesOptions,
  plan: ClusterPlan,
): Step[] {
  if (force) return [];
  const { session, manager, machine } = removal;
  return [
    {
      id: `delete-node/${machine.name}/drain`,
      title: `Evict the pods of ${machine.name}`,
      done: async () => (await manager.leader(machine)) === undefined,
      run: ({ progress, signal }) =>
        drainNode({ ...session, signal }, machine, plan, {
          progress,
          timeout: drainTimeout,
          consequence: 'nothing was deleted',
          hint:
            `--force deletes the node nevertheless, --drain-timeout gives its pods more time; ` +
            `to let it take pods again: knest kubectl -- uncordon ${machine.name}`,
        }),
    },
  ];
}
