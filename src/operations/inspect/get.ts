import type { MachineManager } from '../../managers/types.ts';
import { KnestError } from '../../errors.ts';
import { renderKubeconfig } from '../../formats/kubeconfig.ts';
import type { KubeconfigInput } from '../../formats/kubeconfig.ts';
import { statusInWords } from '../../observe/nodes.ts';
import type { KubernetesNode } from '../../observe/nodes.ts';
import type { KeyMaterial } from '../../pki/issue.ts';
import type { ClusterPlan, MachinePlan } from '../../plan/types.ts';
import { readKeyMaterial, requireCluster } from '../../state/clusters.ts';
import type { ClusterRecord } from '../../state/clusters.ts';
import { kubeconfigPath } from '../../workstation/kubeconfig-paths.ts';
import { addContext, adminKubeconfig } from '../admin-kubeconfig.ts';
import { askApiServer } from '../../observe/api-server.ts';
import { openManager, readAllClusters, readClusters, tellUnreadable } from '../find-machines.ts';
import { openSession } from '../session.ts';
import type { Session } from '../session.ts';
import type { ClusterSummary, Context, NodeSummary } from '../types.ts';

/** All clusters of this host with what their machines do now, by name. One whose record cannot be read is told of, too. */
export async function listClusters(context: Context = {}): Promise<ClusterSummary[]> {
  const session = openSession(context);
  const [manager, { records, unreadable }] = await Promise.all([
    openManager(session),
    readAllClusters(session),
  ]);
  for (const { error } of unreadable) tellUnreadable(session, error);
  const broken = unreadable.map(({ cluster, error }): ClusterSummary => ({
    ...{ name: cluster, state: 'broken', problem: error.message },
    ...{ kubernetesVersion: '', endpoint: '', nodes: 0, created: '' },
  }));
  const known = await Promise.all(
    records.map(async (record): Promise<ClusterSummary> => {
      const leaders = await Promise.all(record.plan.machines.map((machine) => manager.leader(machine)));
      return {
        name: record.plan.cluster,
        state: stateOf(record, leaders.filter((leader) => leader !== undefined).length),
        kubernetesVersion: record.plan.kubernetesVersion,
        endpoint: record.plan.endpoint,
        nodes: record.plan.machines.length,
        created: record.created ?? '',
      };
    }),
  );
  return [...known, ...broken].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/**
 * Nodes of one cluster, or of all: the machines, and what the API server of each cluster says of them if it answers.
 * @throws KnestError kind "notFound"
 */
export async function listNodes(options: Context & { name?: string } = {}): Promise<NodeSummary[]> {
  const session = openSession(options);
  const { host, paths } = session;
  const manager = await openManager(session);
  const records =
    options.name === undefined
      ? await readClusters(session)
      : [await requireCluster(host, paths, options.name)];
  const lists = await Promise.all(records.map(({ plan }) => nodesOf(session, manager, plan)));
  return lists.flat();
}

/** Names of all nodes on this host, without asking anything but the state folder. */
export async function listNodeNames(context: Context = {}): Promise<string[]> {
  const records = await readClusters(openSession(context));
  return records.flatMap(({ plan }) => plan.machines.map(({ name }) => name));
}

async function nodesOf(session: Session, manager: MachineManager, plan: ClusterPlan): Promise<NodeSummary[]> {
  const { host } = session;
  const leaders = await Promise.all(plan.machines.map((machine) => manager.leader(machine)));
  const runs = plan.machines.some(
    ({ role }, index) => role === 'control-plane' && leaders[index] !== undefined,
  );
  const material = runs ? await readKeysOrTell(session, plan.cluster) : undefined;
  const { nodes } = material ? await askApiServer(plan, material, { via: host }) : { nodes: [] };
  return plan.machines.map((machine, index) =>
    summarize(
      plan,
      machine,
      leaders[index],
      nodes.find(({ name }) => name === machine.name),
    ),
  );
}

/** Damaged keys of one cluster keep no other from being listed. */
async function readKeysOrTell(session: Session, cluster: string): Promise<KeyMaterial | undefined> {
  try {
    return await readKeyMaterial(session.host, session.paths, cluster);
  } catch (error) {
    if (!(error instanceof KnestError)) throw error;
    tellUnreadable(session, error);
    return undefined;
  }
}

/** @param node undefined: the API server does not know it, or does not answer */
export function summarize(
  { cluster }: ClusterPlan,
  machine: MachinePlan,
  leader: number | undefined,
  node: KubernetesNode | undefined,
): NodeSummary {
  const { name, role, address, addresses, podSubnets, ports, components = {} } = machine;
  return {
    name,
    cluster,
    role,
    state: leader === undefined ? 'stopped' : 'running',
    // of a machine that has just stopped, the API server goes on saying for 40 seconds that it is Ready
    status: leader === undefined || node === undefined ? 'Unknown' : statusInWords(node),
    kubeletVersion: node?.kubeletVersion,
    components: Object.fromEntries(
      Object.entries(components).flatMap(([component, { version }]) =>
        version === undefined ? [] : [[component, version]],
      ),
    ),
    address,
    addresses: addresses.map((one) => one.address),
    podSubnets,
    ports,
    leader,
  };
}

export interface KubeconfigOptions extends Context {
  name: string;
  /** With the API's address as nodes and pods see it. */
  internal?: boolean;
}

/** A kubeconfig of the cluster alone, as YAML. @throws KnestError kind "notFound" */
export async function clusterKubeconfig(options: KubeconfigOptions): Promise<string> {
  return renderKubeconfig(await readAdmin(openSession(options), options));
}

/** One kubeconfig of all clusters of this host, as YAML; the current one only where it is alone. */
export async function clustersKubeconfig(options: Omit<KubeconfigOptions, 'name'> = {}): Promise<string> {
  const session = openSession(options);
  // one that is half made may have no keys yet
  const clusters = (await readClusters(session)).filter(({ created }) => created !== undefined);
  const inputs = clusters.map(({ plan }) => readAdmin(session, { ...options, name: plan.cluster }));
  return renderKubeconfig(...(await Promise.all(inputs)));
}

async function readAdmin(
  { host, paths }: Session,
  { name, internal = false }: KubeconfigOptions,
): Promise<KubeconfigInput> {
  const { plan } = await requireCluster(host, paths, name);
  return adminKubeconfig(plan, await readKeyMaterial(host, paths, name), { internal });
}

/** Writes the cluster's context into a kubeconfig (again). @throws KnestError kind "notFound" */
export async function exportKubeconfig(
  options: KubeconfigOptions & { kubeconfig?: string },
): Promise<{ context: string; kubeconfig: string }> {
  const session = openSession(options);
  const input = await readAdmin(session, options);
  const kubeconfig = await kubeconfigPath(options.kubeconfig, session.workstation);
  await addContext(session, kubeconfig, input);
  return { context: input.name, kubeconfig };
}

/** @param running how many of its machines run */
export function stateOf(record: ClusterRecord, running: number): ClusterSummary['state'] {
  if (record.created === undefined) return 'incomplete';
  if (running === 0) return 'stopped';
  return running === record.plan.machines.length ? 'running' : 'degraded';
}
