import { destroyMachine } from '../../apply/made-on-host.ts';
import { withAdminClient } from '../../observe/admin-client.ts';
import type { DeleteNodePart } from '../../events.ts';
import type { Step } from '../../apply/runner.ts';
import { deleteIfThere } from '../../clients/kubernetes/client.ts';
import type { KubernetesClient } from '../../clients/kubernetes/client.ts';
import type { ListObject, PodObject } from '../../clients/kubernetes/objects.ts';
import { KnestError } from '../../errors.ts';
import type { MachineManager } from '../../managers/types.ts';
import type { KeyMaterial } from '../../pki/issue.ts';
import type { ClusterPlan, MachinePlan } from '../../plan/types.ts';
import type { ClusterSpec } from '../../spec/types.ts';
import { removeAppliedMachine, writeAppliedMachine } from '../../state/applied.ts';
import { clusterFolder, requireCluster, writeCluster } from '../../state/clusters.ts';
import { forceNewEtcd, leaveEtcd } from './etcd-membership.ts';
import { deleteVolumesOf } from './lost-volumes.ts';
import { carryOut, settle } from './move-to-plan.ts';
import { retryUntilReady } from '../retry.ts';
import type { Session } from '../session.ts';

export interface NodeRemoval {
  session: Session;
  manager: MachineManager;
  material: KeyMaterial;
  /** The machine that goes. */
  machine: MachinePlan;
  /** Control planes that stay. */
  staying: readonly MachinePlan[];
  /** The cluster without it. */
  plan: ClusterPlan;
  spec: ClusterSpec;
  /** Go on where etcd has no quorum. */
  force: boolean;
  /** Whoever calls it brings host and other nodes to the plan later. */
  othersLater?: boolean;
}

/**
 * Removes a node: its etcd member, its machine, its objects, and what the other nodes have of it. From the first step on
 * the wanted plan is the one without the node, but the machine is still recorded as existing: if knest is killed, the next
 * command finishes the removal. Running the steps again is harmless.
 */
export function removalSteps(removal: NodeRemoval): Step[] {
  const { machine, manager } = removal;
  const { name } = machine;
  const step = (id: DeleteNodePart, title: string, run: () => Promise<void>): Step => ({
    id: `delete-node/${name}/${id}`,
    title,
    run,
  });
  return [
    ...(machine.role === 'control-plane'
      ? [step('etcd', `${name} leaves etcd`, () => leaveOrStay(removal))]
      : []),
    step('machine', `Delete machine ${name}`, async () => {
      await begin(removal);
      await destroyMachine(removal.session.host, manager, machine, removal.plan.machines);
    }),
    step('object', `Delete node ${name}`, () => deleteObject(removal)),
    removal.othersLater
      ? step('record', `${name} is forgotten`, () => forgetAlone(removal))
      : step('others', 'Tell the other nodes', () => forget(removal)),
  ];
}

/** It is there, and it is not wanted. */
async function begin({ session, material, machine, plan, spec }: NodeRemoval): Promise<void> {
  const { host, paths } = session;
  const { plan: wanted, applied } = await requireCluster(host, paths, plan.cluster);
  if (!wanted.machines.some(({ name }) => name === machine.name)) return;
  // one that was never finished: it may run nevertheless
  if (!applied.machines.some((one) => one.machine.name === machine.name)) {
    await writeAppliedMachine(host, clusterFolder(paths, plan.cluster), machine, material);
  }
  await writeCluster(host, paths, spec, plan);
}

/** If the node cannot be taken out of etcd, nothing has been lost yet: the plan with the node is wanted again. */
async function leaveOrStay(removal: NodeRemoval): Promise<void> {
  const { host, paths } = removal.session;
  const before = await requireCluster(host, paths, removal.plan.cluster);
  await begin(removal);
  try {
    await leave(removal);
  } catch (error) {
    await writeCluster(host, paths, before.spec, before.plan);
    throw error;
  }
}

/** An API server that ends by itself takes its address out of the Service `kubernetes`; one that is killed does not. */
async function leave(work: NodeRemoval): Promise<void> {
  const { machine, staying, manager, material, force } = work;
  if ((await manager.leader(machine)) !== undefined) {
    const units = ['knest-api-address.service', 'kube-apiserver.service'];
    await manager.run(machine, ['systemctl', 'stop', '--', ...units], {
      okExitCodes: 'any',
      timeout: 20_000,
    });
  }
  try {
    await leaveEtcd(work.session.host, staying, machine, material);
  } catch (error) {
    if (!force) throw error;
    await recover(work, staying, error);
  }
}

/** etcd has no majority that could remove dead members: the only one alive continues as a cluster of one. */
async function recover(
  { session, machine, manager }: NodeRemoval,
  staying: readonly MachinePlan[],
  cause: unknown,
): Promise<void> {
  const [survivor] = staying;
  if (staying.length > 1 || !survivor) {
    throw new KnestError(`etcd has no quorum to take ${machine.name} out`, {
      code: 'QUORUM_LOSS',
      cause,
      hint: 'start control planes until more than half of them run, or delete all but one of them at once with --force',
    });
  }
  session.listener({
    type: 'note',
    level: 'warning',
    message: `etcd has no quorum: ${survivor.name} goes on alone, with the data that it has`,
  });
  await destroyMachine(session.host, manager, machine, staying);
  await forceNewEtcd(manager, survivor);
}

/** The Node object goes last: a kubelet that still runs would register again. */
async function deleteObject({ session, plan, machine, material }: NodeRemoval): Promise<void> {
  await withAdminClient(plan.endpoint, material, { via: session.host }, async (client) => {
    await retryUntilReady(`delete the Node object ${machine.name}`, session.signal, () =>
      deleteIfThere(client, `/api/v1/nodes/${machine.name}`),
    );
    await retryUntilReady(`delete the pods of ${machine.name}`, session.signal, () =>
      deletePods(client, machine.name),
    );
    const claims = await retryUntilReady(`delete the volumes of ${machine.name}`, session.signal, () =>
      deleteVolumesOf(client, machine.name),
    );
    if (claims.length > 0) {
      const message =
        `the data of ${claims.join(', ')} was on ${machine.name} and is gone; ` +
        `a claim gets a new volume when it is deleted and made again`;
      session.listener({ type: 'note', level: 'warning', message });
    }
  });
}

/**
 * Those that draining leaves (DaemonSets'), and all of a node that was dead. The controller manager would find them after
 * a minute, and until then Services lead to them.
 */
async function deletePods(client: KubernetesClient, node: string): Promise<void> {
  const selector = encodeURIComponent(`spec.nodeName=${node}`);
  const path = `/api/v1/pods?fieldSelector=${selector}`;
  const { items = [] } = await client.get<ListObject<PodObject>>(path);
  await Promise.all(
    items.map(({ metadata: { namespace = '', name = '' } = {} }) =>
      deleteIfThere(client, `/api/v1/namespaces/${namespace}/pods/${name}?gracePeriodSeconds=0`),
    ),
  );
}

/** Removes the node from the record, the host's routes and the files of the other machines. */
async function forget({ session, manager, material, machine, plan }: NodeRemoval): Promise<void> {
  const { host, paths } = session;
  const { applied } = await requireCluster(host, paths, plan.cluster);
  const move = { session, manager, material, applied, plan };
  await carryOut(move);
  await removeAppliedMachine(host, clusterFolder(paths, plan.cluster), machine.name);
  await settle(move);
}

function forgetAlone({ session: { host, paths }, machine, plan }: NodeRemoval): Promise<void> {
  return removeAppliedMachine(host, clusterFolder(paths, plan.cluster), machine.name);
}
