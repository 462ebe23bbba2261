import { renderKubeconfig } from '../formats/kubeconfig.ts';
import { readKeyMaterial, requireCluster } from '../state/clusters.ts';
import type { ClusterRecord } from '../state/clusters.ts';
import { addToKubeconfig, kubeconfigPath } from '../state/kubeconfig.ts';
import { adminKubeconfig } from './admin-kubeconfig.ts';
import { openManager, readClusters } from './machines.ts';
import { openSession } from './session.ts';
import type { ClusterSummary, Context, NodeSummary } from './types.ts';

/** All clusters of this host with what their machines do now. */
export async function listClusters(context: Context = {}): Promise<ClusterSummary[]> {
  const session = openSession(context);
  const [manager, records] = await Promise.all([openManager(session), readClusters(session)]);
  return Promise.all(
    records.map(async (record) => {
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
}

/** Machines of one cluster, or of all. @throws KnestError kind "notFound" */
export async function listNodes(options: Context & { name?: string } = {}): Promise<NodeSummary[]> {
  const session = openSession(options);
  const { host, paths } = session;
  const manager = await openManager(session);
  const records =
    options.name === undefined
      ? await readClusters(session)
      : [await requireCluster(host, paths, options.name)];
  const nodes = records.flatMap(({ plan }) => plan.machines.map((machine) => ({ plan, machine })));
  return Promise.all(
    nodes.map(async ({ plan, machine }) => {
      const leader = await manager.leader(machine);
      return {
        name: machine.name,
        cluster: plan.cluster,
        role: machine.role,
        state: leader === undefined ? ('stopped' as const) : ('running' as const),
        address: machine.address,
        leader,
      };
    }),
  );
}

/** A kubeconfig of the cluster alone, as YAML. @throws KnestError kind "notFound" */
export async function clusterKubeconfig(options: Context & { name: string }): Promise<string> {
  const { host, paths } = openSession(options);
  const { plan } = await requireCluster(host, paths, options.name);
  return renderKubeconfig(adminKubeconfig(plan, await readKeyMaterial(host, paths, options.name)));
}

/** Writes the cluster's context into a kubeconfig (again). @throws KnestError kind "notFound" */
export async function exportKubeconfig(
  options: Context & { name: string; kubeconfig?: string },
): Promise<{ context: string; kubeconfig: string }> {
  const { host, paths } = openSession(options);
  const { plan } = await requireCluster(host, paths, options.name);
  const kubeconfig = kubeconfigPath(options.kubeconfig, process.env);
  await addToKubeconfig(
    host,
    kubeconfig,
    adminKubeconfig(plan, await readKeyMaterial(host, paths, options.name)),
  );
  return { context: plan.context, kubeconfig };
}

/** @param running how many of its machines run */
export function stateOf(record: ClusterRecord, running: number): ClusterSummary['state'] {
  if (record.created === undefined) return 'incomplete';
  if (running === 0) return 'stopped';
  return running === record.plan.machines.length ? 'running' : 'degraded';
}
