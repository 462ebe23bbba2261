import type { MachineManager } from '../managers/types.ts';
import { machineManager } from '../managers/open.ts';
import { layerPath } from '../artifacts/layers.ts';
import { KnestError } from '../errors.ts';
import { gatherCgroups } from '../observe/host/kernel.ts';
import type { ClusterPlan, MachinePlan, Paths } from '../plan/types.ts';
import { listClusterNames, readCluster } from '../state/clusters.ts';
import type { ClusterRecord } from '../state/clusters.ts';
import type { Session } from './session.ts';

/** The manager of this host's machines. */
export async function openManager({ host }: Session): Promise<MachineManager> {
  return machineManager(host, await gatherCgroups(host));
}

/** Every cluster that has a plan, by name. */
export async function readClusters({ host, paths }: Session): Promise<ClusterRecord[]> {
  const names = await listClusterNames(host, paths);
  const found = await Promise.all(names.map((name) => readCluster(host, paths, name)));
  return found.filter((record) => record !== undefined);
}

export interface FoundMachine {
  record: ClusterRecord;
  machine: MachinePlan;
}

/** @throws KnestError kind "notFound" */
export async function requireMachine(session: Session, node: string): Promise<FoundMachine> {
  const [found] = await requireMachines(session, [node]);
  if (!found) throw new Error('one name gives one machine');
  return found;
}

/** Each once, in the order of the names. @throws KnestError kind "notFound", with all that are not there */
export async function requireMachines(session: Session, nodes: readonly string[]): Promise<FoundMachine[]> {
  const records = await readClusters(session);
  const all = records.flatMap((record) => record.plan.machines.map((machine) => ({ record, machine })));
  const wanted = [...new Set(nodes)];
  const unknown = wanted.filter((node) => !all.some(({ machine }) => machine.name === node));
  if (unknown.length === 0) {
    return wanted.flatMap((node) => all.filter(({ machine }) => machine.name === node));
  }
  const missing = unknown.map((node) => `"${node}"`).join(', ');
  throw new KnestError(`there is no node ${missing}`, {
    code: 'NODE_NOT_FOUND',
    hint:
      all.length > 0
        ? `there is: ${all.map(({ machine }) => machine.name).join(', ')}`
        : 'knest create cluster makes one',
  });
}

/** kubectl of the cluster's own version, on the host. @throws KnestError for a plan without Kubernetes */
export function kubectlPath(paths: Paths, { cluster, kubernetesVersion, layers }: ClusterPlan): string {
  const layer = layers.find((one) => one.kind === 'kubernetes' && one.version === kubernetesVersion);
  if (!layer)
    throw new KnestError(`the plan of cluster "${cluster}" has no Kubernetes`, { code: 'RECORD_DAMAGED' });
  return `${layerPath(paths, layer.id)}/usr/local/bin/kubectl`;
}
