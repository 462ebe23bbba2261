import type { DeleteNodePart } from '../events.ts';
import type { MachineManager } from '../managers/types.ts';
import { runSequence } from '../apply/runner.ts';
import type { Step } from '../apply/runner.ts';
import { CommandError, KnestError } from '../errors.ts';
import type { HostFacts } from '../facts/types.ts';
import { apiClient, ApiError } from '../clients/kubernetes.ts';
import type { ApiClient } from '../clients/kubernetes.ts';
import { gatherFacts } from '../observe/host/gather.ts';
import type { KeyMaterial } from '../pki/issue.ts';
import { adminCertificate } from '../plan/pki.ts';
import { controlPlanesOf } from '../plan/control-planes.ts';
import type { ClusterPlan, MachinePlan } from '../plan/types.ts';
import { clusterFolder, clusterLock, readKeyMaterial, requireCluster } from '../state/clusters.ts';
import type { ClusterRecord } from '../state/clusters.ts';
import { acquireLock } from '../state/lock.ts';
import { drainCommand } from '../tools/kubectl.ts';
import { moveToPlan, planChange } from './move-to-plan.ts';
import { kubectlPath, openManager, requireMachine } from './find-machines.ts';
import { forceNewEtcd, leaveEtcd, requireQuorumWithout } from './etcd-membership.ts';
import { retryUntilReady } from './retry.ts';
import { deleteVolumesOf } from './lost-volumes.ts';
import { openSession } from './session.ts';
import type { Session } from './session.ts';
import type { DeleteNodesOptions, DeleteNodesResult } from './types.ts';

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
  const cluster = options.name ?? (await requireMachine(session, options.nodes[0] ?? '')).record.plan.cluster;
  await requireCluster(host, paths, cluster);
  const lock = await acquireLock(host, clusterLock(paths, cluster));
  try {
    const { plan } = await requireCluster(host, paths, cluster);
    const leaving = options.nodes.map((name) => findMachine(plan, name));
    const material = await readKeyMaterial(host, paths, cluster);
    const manager = await openManager(session);
    await refuse(plan, leaving, material, options.force ?? false);
    const facts = await gatherFacts(host, paths, process.env);
    for (const machine of leaving) {
      // as the one before has left it
      const record = await requireCluster(host, paths, cluster);
      const work = { session, options, record, leaving, machine, material, manager, facts };
      await runSequence({ serial: deleteSteps(work) }, session.listener, session.signal);
    }
    return { cluster, nodes: leaving.map(({ name }) => name) };
  } finally {
    await lock.release();
  }
}

function findMachine({ cluster, machines }: ClusterPlan, name: string): MachinePlan {
  const found = machines.find((machine) => machine.name === name);
  if (found) return found;
  throw new KnestError(`cluster "${cluster}" has no node "${name}"`, {
    code: 'NODE_NOT_FOUND',
    hint: `it has: ${machines.map((machine) => machine.name).join(', ')}`,
  });
}

async function refuse(
  { cluster, machines }: ClusterPlan,
  leaving: readonly MachinePlan[],
  material: KeyMaterial,
  force: boolean,
): Promise<void> {
  const controlPlanes = controlPlanesOf(machines);
  const leavingControlPlanes = controlPlanesOf(leaving);
  if (leavingControlPlanes.length === controlPlanes.length) {
    throw new KnestError(`cluster "${cluster}" would be left without a control plane`, {
      code: 'LAST_CONTROL_PLANE',
      hint: `to delete it as a whole: knest delete cluster --name ${cluster}`,
    });
  }
  if (leavingControlPlanes.length > 0 && !force) {
    await requireQuorumWithout(leavingControlPlanes, controlPlanes, material);
  }
}

interface Work {
  session: Session;
  options: DeleteNodesOptions;
  /** The cluster while the machine is still in it. */
  record: ClusterRecord;
  leaving: readonly MachinePlan[];
  machine: MachinePlan;
  material: KeyMaterial;
  manager: MachineManager;
  facts: HostFacts;
}

function deleteSteps(work: Work): Step[] {
  const { machine, manager } = work;
  const { name } = machine;
  const step = (part: DeleteNodePart, title: string, run: () => Promise<void>): Step => ({
    id: `delete-node/${name}/${part}`,
    title,
    run,
  });
  return [
    // one that does not run cannot end its pods: they go with the Node object
    ...(work.options.force
      ? []
      : [
          {
            ...step('drain', `Evict the pods of ${name}`, () => drain(work)),
            done: async () => (await manager.leader(machine)) === undefined,
          },
        ]),
    ...(machine.role === 'control-plane' ? [step('etcd', `${name} leaves etcd`, () => leave(work))] : []),
    step('machine', `Delete machine ${name}`, () => manager.destroy(machine)),
    step('object', `Delete node ${name}`, () => deleteObject(work)),
    step('others', 'Tell the other nodes', () => forget(work)),
  ];
}

async function drain({ session, options, machine, record: { plan } }: Work): Promise<void> {
  const { host, paths } = session;
  const timeout = options.drainTimeout ?? defaultDrainTimeout;
  const command = drainCommand(kubectlPath(paths, plan), { node: machine.name, timeout });
  try {
    await host.run(command, { env: { KUBECONFIG: `${clusterFolder(paths, plan.cluster)}/kubeconfig` } });
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    // its Node object is gone already
    if (error.details.some((line) => line.includes('NotFound'))) return;
    throw new KnestError(`the pods of ${machine.name} were not all evicted; nothing was deleted`, {
      code: 'DRAIN_FAILED',
      cause: error,
      details: error.details,
      hint:
        `--force deletes the node nevertheless, --drain-timeout gives its pods more time; ` +
        `to let it take pods again: knest kubectl -- uncordon ${machine.name}`,
    });
  }
}

/** An API server that ends by itself takes its address out of the Service `kubernetes`; one that is killed does not. */
async function leave(work: Work): Promise<void> {
  const { machine, leaving, manager, material, options, record } = work;
  const staying = controlPlanesOf(record.plan.machines).filter(
    ({ name }) => !leaving.some((one) => one.name === name),
  );
  if ((await manager.leader(machine)) !== undefined) {
    const units = ['knest-api-address.service', 'kube-apiserver.service'];
    await manager.run(machine, ['systemctl', 'stop', '--', ...units], {
      okExitCodes: 'any',
      timeout: 20_000,
    });
  }
  try {
    await leaveEtcd(staying, machine, material);
  } catch (error) {
    if (!options.force) throw error;
    await recover(work, staying, error);
  }
}

/** No majority is left to take the dead out: the last one alive goes on alone. */
async function recover(
  { session, machine, manager }: Work,
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
  await manager.destroy(machine);
  await forceNewEtcd(manager, survivor);
}

/** The Node object goes last: a kubelet that still runs would register again. */
async function deleteObject({ session, record, machine, material }: Work): Promise<void> {
  const client = apiClient(record.plan.endpoint, material, adminCertificate);
  try {
    await retryUntilReady(`delete the Node object ${machine.name}`, session.signal, () =>
      ifThere(client.delete(`/api/v1/nodes/${machine.name}`)),
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
  } finally {
    client.close();
  }
}

/**
 * Those that draining leaves (DaemonSets'), and all of a node that was dead. The controller manager would find them after
 * a minute, and until then Services lead to them.
 */
async function deletePods(client: ApiClient, node: string): Promise<void> {
  const selector = encodeURIComponent(`spec.nodeName=${node}`);
  const list = (await client.get(`/api/v1/pods?fieldSelector=${selector}`)) as { items?: PodObject[] };
  await Promise.all(
    (list.items ?? []).map(({ metadata: { namespace, name } }) =>
      ifThere(client.delete(`/api/v1/namespaces/${namespace}/pods/${name}?gracePeriodSeconds=0`)),
    ),
  );
}

interface PodObject {
  metadata: { namespace: string; name: string };
}

/** That it is gone already is as good. */
async function ifThere(deleting: Promise<unknown>): Promise<void> {
  try {
    await deleting;
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 404) throw error;
  }
}

/** The record, the host's routes and the other machines' files without it. */
async function forget({ session, record, machine, manager, material, facts }: Work): Promise<void> {
  const { spec: old, plan: before } = record;
  const spec = { ...old, nodes: old.nodes.filter(({ name }) => name !== machine.name) };
  const after = await planChange(session, facts, spec, before);
  await moveToPlan({ session, manager, material, spec, before, after });
}
