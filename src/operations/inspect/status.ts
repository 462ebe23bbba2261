import type { MachineManager } from '../../managers/types.ts';
import { holdsAddress } from '../../observe/api-address.ts';
import { certificateEnds } from '../../observe/certificates.ts';
import { checkClusterHost } from '../../observe/checks/cluster-host.ts';
import { readEtcd } from '../../observe/etcd-members.ts';
import type { KubernetesNode } from '../../observe/nodes.ts';
import { runProbe } from '../../observe/probes.ts';
import { readTroubles, readUnits } from '../../observe/units.ts';
import type { ClusterPlan, MachinePlan } from '../../plan/types.ts';
import { readKeyMaterial, requireCluster } from '../../state/clusters.ts';
import { askApiServer } from '../../observe/api-server.ts';
import { stateOf, summarize } from './get.ts';
import { openManager } from '../find-machines.ts';
import { openSession } from '../session.ts';
import type { ClusterStatus, Context, NodeStatus } from '../types.ts';

export interface StatusOptions extends Context {
  name: string;
  /** Milliseconds that each answer may take; undefined: three to ten seconds, which a very slow host exceeds. */
  timeout?: number | undefined;
}

/**
 * How a cluster is, asked of machines, units, probes, API server and etcd; what does not answer makes nothing fail.
 * @throws KnestError kind "notFound"
 */
export async function clusterStatus(options: StatusOptions): Promise<ClusterStatus> {
  const session = openSession(options);
  const { host, paths } = session;
  const record = await requireCluster(host, paths, options.name);
  const { plan } = record;
  const { timeout } = options;
  const answering = { via: host, ...(timeout === undefined ? {} : { timeout }) };
  const [manager, material] = await Promise.all([
    openManager(session),
    readKeyMaterial(host, paths, options.name),
  ]);
  const leaders = await Promise.all(
    plan.machines.map(async (machine) => [machine.name, await manager.leader(machine)] as const),
  );
  const running = new Map(leaders.filter((entry): entry is [string, number] => entry[1] !== undefined));
  const [apiserver, onHost, etcd] = await Promise.all([
    askApiServer(plan, material, answering),
    running.size === 0 ? [] : checkClusterHost(host, plan, new Set(running.keys())),
    readEtcd(plan, new Set(running.keys()), material, answering),
  ]);
  const nodes = await Promise.all(
    plan.machines.map((machine) => {
      const node = apiserver.nodes.find(({ name }) => name === machine.name);
      return nodeStatus(manager, plan, machine, running.get(machine.name), node, timeout);
    }),
  );
  return {
    name: plan.cluster,
    state: stateOf(record, running.size),
    endpoint: plan.endpoint,
    server: plan.server,
    kubernetesVersion: plan.kubernetesVersion,
    apiserver: { ok: apiserver.ok, detail: apiserver.detail },
    apis: apiserver.apis,
    apiAddress: plan.network.apiAddress,
    host: onHost,
    etcd,
    nodes,
    certificates: await certificateEnds(host, plan, material),
  };
}

async function nodeStatus(
  manager: MachineManager,
  plan: ClusterPlan,
  machine: MachinePlan,
  leader: number | undefined,
  node: KubernetesNode | undefined,
  timeout: number | undefined,
): Promise<NodeStatus> {
  const [units, probes, holdsApiAddress] =
    leader === undefined
      ? [[], [], false]
      : await Promise.all([
          // one that is just booting or ending has no systemd to ask
          readUnits(manager, machine, timeout).catch(() => []),
          Promise.all(machine.probes.map((probe) => runProbe(manager, machine, probe, timeout))),
          machine.role === 'control-plane' &&
            holdsAddress(manager, machine, plan.network.apiAddress, timeout).catch(() => false),
        ]);
  return {
    ...summarize(plan, machine, leader, node),
    units,
    troubles: await readTroubles(manager, machine, units),
    probes,
    conditions: node?.conditions ?? [],
    ready: leader !== undefined && (node?.ready ?? false),
    holdsApiAddress,
  };
}
