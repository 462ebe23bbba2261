/** Plans as earlier versions of knest wrote them, made what this one reads. */

import { isMapping } from '../formats/mapping.ts';

type Json = Record<string, unknown>;

/** By the version that they begin with: each leads to the next one. */
const steps: Readonly<Record<number, (plan: Json) => Json>> = { 2: toVersion3 };

/** The oldest version that can still be read. */
export const oldestVersion = Math.min(...Object.keys(steps).map(Number));

/** A plan of any known version as one of the newest; what is no such plan is left for the schema to refuse. */
export function migratePlan(plan: unknown): unknown {
  let current = plan;
  for (;;) {
    const step =
      isMapping(current) && typeof current['version'] === 'number' ? steps[current['version']] : undefined;
    if (!step) return current;
    current = step(current as Json);
  }
}

/** Names that are the field's own; the cluster's Kubernetes is known by its layer. */
function toVersion3(plan: Json): Json {
  const machines = listOf(plan['machines']).map(machineToVersion3);
  return {
    ...plan,
    version: 3,
    kubernetesLayer: kubernetesLayer(plan),
    ...(isMapping(plan['host']) ? { host: hostToVersion3(plan['host']) } : {}),
    ...(isMapping(plan['network']) ? { network: networkToVersion3(plan['network']) } : {}),
    machines,
  };
}

function machineToVersion3({ live, launch, service, ...machine }: Json): Json {
  return { ...machine, liveCommands: live ?? [], run: runToVersion3(launch, service) };
}

function runToVersion3(launch: unknown, service: unknown): Json | undefined {
  if (isMapping(service)) return { manager: 'systemd', ...service };
  if (!isMapping(launch)) return undefined;
  const { favour, ...rest } = launch;
  return { manager: 'direct', ...rest, ...(favour === undefined ? {} : { startupCpuBoost: favour }) };
}

function hostToVersion3({ units, ...host }: Json): Json {
  return { ...host, run: isMapping(units) ? { manager: 'systemd', ...units } : { manager: 'direct' } };
}

function networkToVersion3({ shared, ...network }: Json): Json {
  return { ...network, ...(shared === undefined ? {} : { hostNetwork: shared }) };
}

/** As it was found by then: the first layer with the cluster's version. */
function kubernetesLayer({ layers, kubernetesVersion }: Json): unknown {
  const found = listOf(layers).find(
    ({ kind, version }) => kind === 'kubernetes' && version === kubernetesVersion,
  );
  return found?.['id'] ?? '';
}

function listOf(value: unknown): Json[] {
  return Array.isArray(value) ? value.filter(isMapping) : [];
}
