import type { MachineManager } from '../managers/types.ts';
import { machineManager } from '../managers/open.ts';
import { layerPath } from '../artifacts/layers.ts';
import { KnestError } from '../errors.ts';
import { gatherCgroups } from '../observe/host/kernel.ts';
import { kubernetesLayerOf } from '../plan/keep.ts';
import type { ClusterPlan, MachinePlan, Paths } from '../plan/types.ts';
import { listClusterNames, readCluster } from '../state/clusters.ts';
import type { ClusterRecord } from '../state/clusters.ts';
import type { Session } from './session.ts';

/** The manager of this host's machines. */
export async function openManager({ host }: Session): Promise<MachineManager> {
  return machineManager(host, await gatherCgroups(host));
}

/** Every cluster that has a plan, by name. One whose record cannot be read is told of and left out. */
export async function readClusters(session: Session): Promise<ClusterRecord[]> {
  const { records, unreadable } = await readAllClusters(session);
  for (const { error } of unreadable) tellUnreadable(session, error);
  return records;
}

export function tellUnreadable({ listener }: Session, { message, hint }: KnestError): void {
  listener({ type: 'note', level: 'warning', message: hint === undefined ? message : `${message}; ${hint}` });
}

export interface UnreadableCluster {
  cluster: string;
  error: KnestError;
}

/** Every cluster, and an error for each whose record cannot be read: for callers that must not overlook a cluster. */
export async function readAllClusters({
  host,
  paths,
}: Session): Promise<{ records: ClusterRecord[]; unreadable: UnreadableCluster[] }> {
  const names = await listClusterNames(host, paths);
  const found = await Promise.all(
    names.map(async (cluster) => {
      try {
        return { cluster, record: await readCluster(host, paths, cluster) };
      } catch (error) {
        if (error instanceof KnestError) return { cluster, error };
        throw error;
      }
    }),
  );
  return {
    records: found.flatMap(({ record }) => record ?? []),
    unreadable: found.flatMap(({ cluster, error }) => (error ? [{ cluster, error }] : [])),
  };
}

export interface FoundMachine {
  record: ClusterRecord;
  machine: MachinePlan;
}

/** @throws KnestError kind "notFound" */
export async function requireMachine(session: Session, node: string): Promise<FoundMachine> {
  const [found] = await requireMachines(session, [node]);
  // requireMachines has thrown unless the node is there
  if (!found) throw new Error(`no machine for node ${node}`);
  return found;
}

/** Each once, in the order of the names. @throws KnestError kind "notFound", with all that are not there */
export async function requireMachines(session: Session, nodes: readonly string[]): Promise<FoundMachine[]> {
  const { records, unreadable } = await readAllClusters(session);
  const all = records.flatMap((record) => record.plan.machines.map((machine) => ({ record, machine })));
  const isKnown = (node: string): boolean => all.some(({ machine }) => machine.name === node);
  // the node may be of the cluster whose record cannot be read
  if (unreadable[0] && !nodes.every(isKnown)) throw unreadable[0].error;
  return named(all, nodes, ({ machine }) => machine.name, {
    missing: 'there is no node',
    present: 'there is',
  });
}

/** Machines of one cluster, each once, in the order of the names. @throws KnestError as requireMachines */
export function namedMachines(
  { cluster, machines }: Pick<ClusterPlan, 'cluster' | 'machines'>,
  nodes: readonly string[],
): MachinePlan[] {
  return named(machines, nodes, ({ name }) => name, {
    missing: `cluster "${cluster}" has no node`,
    present: 'it has',
  });
}

function named<T>(
  all: readonly T[],
  nodes: readonly string[],
  nameOf: (one: T) => string,
  words: { missing: string; present: string },
): T[] {
  const wanted = [...new Set(nodes)];
  const unknown = wanted.filter((node) => !all.some((one) => nameOf(one) === node));
  if (unknown.length === 0) return wanted.flatMap((node) => all.filter((one) => nameOf(one) === node));
  throw new KnestError(`${words.missing} ${unknown.map((node) => `"${node}"`).join(', ')}`, {
    code: 'NODE_NOT_FOUND',
    hint:
      all.length > 0 ? `${words.present}: ${all.map(nameOf).join(', ')}` : 'knest create cluster makes one',
  });
}

/** kubectl of the cluster's own version, on the host. @throws KnestError for a plan without Kubernetes */
export function kubectlPath(paths: Paths, plan: ClusterPlan): string {
  // where every node was given a version of its own, any of them will do
  const layer = kubernetesLayerOf(plan) ?? plan.layers.find(({ kind }) => kind === 'kubernetes');
  if (!layer)
    throw new KnestError(`the plan of cluster "${plan.cluster}" has no Kubernetes`, {
      code: 'LAYER_UNUSABLE',
    });
  return `${layerPath(paths, layer.id)}/usr/local/bin/kubectl`;
}
