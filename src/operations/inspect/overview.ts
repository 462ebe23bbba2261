import { withAdminClient } from '../../observe/admin-client.ts';
import { askApiServer } from '../../observe/api-server.ts';
import { readEtcd } from '../../observe/etcd-members.ts';
import { isTroubled, readUnits } from '../../observe/units.ts';
import { readWorkload, useOf } from '../../observe/workload.ts';
import type { Workload } from '../../observe/workload.ts';
import type { KeyMaterial } from '../../pki/issue.ts';
import type { ClusterPlan } from '../../plan/types.ts';
import { readKeyMaterial, requireCluster } from '../../state/clusters.ts';
import type { Host } from '../../host/types.ts';
import { openManager } from '../find-machines.ts';
import { openSession } from '../session.ts';
import type { ClusterOverview, Context } from '../types.ts';
import { stateOf, summarize } from './get.ts';

/** Milliseconds for one answer: a picture that is drawn every few seconds does not wait for who is dead. */
const timeout = 2_000;

/**
 * A cluster at one glance: machines, their units, etcd, pods, what they use, what has happened. What does not answer makes
 * nothing fail; nothing is written. clusterStatus knows more, and runs a dozen programs a node for it.
 * @throws KnestError kind "notFound"
 */
export async function clusterOverview(options: Context & { name: string }): Promise<ClusterOverview> {
  const session = openSession(options);
  const { host, paths } = session;
  const record = await requireCluster(host, paths, options.name);
  const { plan } = record;
  const [manager, material] = await Promise.all([
    openManager(session),
    readKeyMaterial(host, paths, options.name),
  ]);
  const leaders = new Map(
    await Promise.all(
      plan.machines.map(async (machine) => [machine.name, await manager.leader(machine)] as const),
    ),
  );
  const running = plan.machines.filter(({ name }) => leaders.get(name) !== undefined);
  const answering = { via: host, timeout };
  const [apiserver, workload, etcd, units] = await Promise.all([
    askApiServer(plan, material, answering),
    workloadOf(plan, material, host),
    readEtcd(plan, new Set(running.map(({ name }) => name)), material, answering),
    Promise.all(
      running.map(async (machine) => {
        // one that is just booting or ending has no systemd to ask
        const found = await readUnits(manager, machine, timeout).catch(() => []);
        return [machine.name, found] as const;
      }),
    ),
  ]);
  const unitsOf = new Map(units);
  return {
    name: plan.cluster,
    state: stateOf(record, running.length),
    kubernetesVersion: plan.kubernetesVersion,
    endpoint: plan.endpoint,
    apiserver: { ok: apiserver.ok, detail: apiserver.detail },
    apis: apiserver.apis,
    etcd,
    nodes: plan.machines.map((machine) => {
      const node = apiserver.nodes.find(({ name }) => name === machine.name);
      const { name, role, state, status } = summarize(plan, machine, leaders.get(machine.name), node);
      const known = unitsOf.get(name) ?? [];
      return {
        ...{ name, role, state, status },
        units: {
          active: known.filter(({ active }) => active === 'active').length,
          total: known.length,
          troubled: known.filter(isTroubled).map((unit) => unit.name),
        },
        used: workload?.nodes.get(name) ?? nothing,
        allocatable: useOf(node?.allocatable),
        pods: workload?.pods.filter((pod) => pod.node === name).length,
      };
    }),
    measured: workload?.measured ?? false,
    pods: workload?.pods ?? [],
    events: workload?.events.slice(0, mostEvents) ?? [],
  };
}

const nothing = { cpu: undefined, memory: undefined };

/** More than fit on a screen; a busy cluster keeps thousands. */
const mostEvents = 50;

/** undefined: the API server does not answer. */
async function workloadOf(
  plan: ClusterPlan,
  material: KeyMaterial,
  host: Host,
): Promise<Workload | undefined> {
  try {
    return await withAdminClient(plan.endpoint, material, { via: host, timeout }, readWorkload);
  } catch {
    return undefined;
  }
}
