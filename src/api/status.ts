import { X509Certificate } from 'node:crypto';

import type { MachineManager } from '../apply/machine-manager.ts';
import { tail } from '../errors.ts';
import { apiClient } from '../observe/apiserver.ts';
import { readNodes } from '../observe/nodes.ts';
import type { KubernetesNode } from '../observe/nodes.ts';
import { readUnits } from '../observe/units.ts';
import type { KeyMaterial } from '../pki/issue.ts';
import { adminCertificate } from '../plan/pki.ts';
import type { ClusterPlan, MachinePlan, Probe } from '../plan/types.ts';
import { readKeyMaterial, requireCluster } from '../state/clusters.ts';
import { stateOf } from './get.ts';
import { openManager } from './machines.ts';
import { openSession } from './session.ts';
import type { ClusterStatus, Context, NodeStatus } from './types.ts';

/** How a cluster is, asked of machines, units, probes and API server. @throws KnestError kind "notFound" */
export async function clusterStatus(options: Context & { name: string }): Promise<ClusterStatus> {
  const session = openSession(options);
  const { host, paths } = session;
  const record = await requireCluster(host, paths, options.name);
  const { plan } = record;
  const [manager, material] = await Promise.all([
    openManager(session),
    readKeyMaterial(host, paths, options.name),
  ]);
  const apiserver = await askApiServer(plan, material);
  const nodes = await Promise.all(
    plan.machines.map((machine) => nodeStatus(manager, plan, machine, apiserver.nodes)),
  );
  return {
    name: plan.cluster,
    state: stateOf(record, nodes.filter(({ state }) => state === 'running').length),
    endpoint: plan.endpoint,
    kubernetesVersion: plan.kubernetesVersion,
    apiserver: { ok: apiserver.ok, detail: apiserver.detail },
    nodes,
    certificates: expiries(material),
  };
}

interface ApiServerAnswer {
  ok: boolean;
  detail: string;
  nodes: readonly KubernetesNode[];
}

async function askApiServer(plan: ClusterPlan, material: KeyMaterial): Promise<ApiServerAnswer> {
  try {
    const client = apiClient(plan.endpoint, material, adminCertificate, 3_000);
    try {
      const [ready, nodes] = await Promise.all([client.get('/readyz'), readNodes(client)]);
      return { ok: ready === 'ok', detail: String(ready), nodes };
    } finally {
      client.close();
    }
  } catch (error) {
    return { ok: false, detail: error instanceof Error ? error.message : String(error), nodes: [] };
  }
}

async function nodeStatus(
  manager: MachineManager,
  plan: ClusterPlan,
  machine: MachinePlan,
  known: readonly KubernetesNode[],
): Promise<NodeStatus> {
  const leader = await manager.leader(machine);
  const running = leader !== undefined;
  const [units, probes] = running
    ? await Promise.all([
        readUnits(manager, machine),
        Promise.all(machine.probes.map((probe) => runProbe(manager, machine, probe))),
      ])
    : [[], []];
  const node = known.find(({ name }) => name === machine.name);
  return {
    name: machine.name,
    cluster: plan.cluster,
    role: machine.role,
    state: running ? 'running' : 'stopped',
    address: machine.address,
    leader,
    units,
    probes,
    conditions: node?.conditions ?? [],
    ready: node?.ready ?? false,
    kubeletVersion: node?.kubeletVersion,
  };
}

async function runProbe(
  manager: MachineManager,
  machine: MachinePlan,
  probe: Probe,
): Promise<{ says: string; ok: boolean; detail: string }> {
  const { says } = probe;
  try {
    const { exitCode, stdout, stderr } = await manager.run(machine, probe.argv, {
      okExitCodes: 'any',
      timeout: 5_000,
    });
    return { says, ok: exitCode === 0, detail: tail(exitCode === 0 ? stdout : stderr, 1).join('') };
  } catch (error) {
    return { says, ok: false, detail: error instanceof Error ? error.message : String(error) };
  }
}

function expiries(material: KeyMaterial): ClusterStatus['certificates'] {
  return [...material]
    .filter(([file]) => file.endsWith('.crt'))
    .map(([file, text]) => ({
      name: file.slice(0, -'.crt'.length),
      expires: new Date(new X509Certificate(text).validTo).toISOString(),
    }))
    .sort((a, b) => a.name.localeCompare(b.name, 'en'));
}
