/** What runs on a cluster and what it uses, as the API server says. */

import type { KubernetesClient } from '../clients/kubernetes/client.ts';
import { keyOf } from '../clients/kubernetes/objects.ts';
import type { EventObject, ListObject, MetricsObject, PodObject } from '../clients/kubernetes/objects.ts';
import { parseQuantity } from '../formats/quantity.ts';

/** Cores, bytes; undefined where nobody has measured it. */
export interface Use {
  cpu: number | undefined;
  memory: number | undefined;
}

export interface PodOverview extends Use {
  namespace: string;
  name: string;
  /** Name; undefined: no node has been chosen. */
  node: string | undefined;
  /** As kubectl shows it: "Running", "CrashLoopBackOff". */
  status: string;
  containers: number;
  readyContainers: number;
  restarts: number;
}

export interface EventOverview {
  /** ISO 8601; of the last time that it happened. */
  time: string;
  /** "Normal" or "Warning". */
  type: string;
  /** "Pod/web" */
  object: string;
  namespace: string;
  reason: string;
  message: string;
}

export interface Workload {
  /** What nodes use, by name; without those that nobody has measured. */
  nodes: ReadonlyMap<string, Use>;
  pods: readonly PodOverview[];
  /** The newest first. */
  events: readonly EventOverview[];
  /** Whether somebody answers metrics.k8s.io. */
  measured: boolean;
}

const metrics = '/apis/metrics.k8s.io/v1beta1';

/** Nodes themselves are asked for elsewhere. Missing metrics make nothing fail. @throws Error when the API server does not answer */
export async function readWorkload(client: Pick<KubernetesClient, 'get'>): Promise<Workload> {
  const list = async <T>(path: string): Promise<T[]> => (await client.get<ListObject<T>>(path)).items ?? [];
  const measure = (path: string): Promise<MetricsObject[] | undefined> =>
    list<MetricsObject>(`${metrics}/${path}`).catch(() => undefined);
  const [pods, events, nodeMetrics, podMetrics] = await Promise.all([
    list<PodObject>('/api/v1/pods'),
    list<EventObject>('/api/v1/events'),
    measure('nodes'),
    measure('pods'),
  ]);
  const nodeUse = new Map((nodeMetrics ?? []).map((one) => [one.metadata?.name ?? '', useOf(one.usage)]));
  const podUse = new Map((podMetrics ?? []).map((one) => [keyOf(one), sumOf(one)]));
  return {
    nodes: nodeUse,
    pods: pods.map((pod) => ({ ...podOverview(pod), ...(podUse.get(keyOf(pod)) ?? unknown) })),
    events: events.map(eventOverview).sort((a, b) => (a.time < b.time ? 1 : -1)),
    measured: nodeMetrics !== undefined,
  };
}

const unknown: Use = { cpu: undefined, memory: undefined };

/** Quantities as numbers. */
export function useOf({ cpu, memory }: Readonly<Record<string, string>> = {}): Use {
  return { cpu: parseQuantity(cpu), memory: parseQuantity(memory) };
}

function sumOf({ containers = [] }: MetricsObject): Use {
  const uses = containers.map(({ usage }) => useOf(usage));
  const sum = (key: keyof Use): number => uses.reduce((total, use) => total + (use[key] ?? 0), 0);
  return { cpu: sum('cpu'), memory: sum('memory') };
}

function podOverview({ metadata, spec, status = {} }: PodObject): Omit<PodOverview, keyof Use> {
  const { containerStatuses = [] } = status;
  return {
    namespace: metadata?.namespace ?? '',
    name: metadata?.name ?? '',
    node: spec?.nodeName,
    status: metadata?.deletionTimestamp === undefined ? statusOf(status) : 'Terminating',
    containers: spec?.containers?.length ?? 0,
    readyContainers: containerStatuses.filter(({ ready }) => ready).length,
    restarts: containerStatuses.reduce((total, { restartCount = 0 }) => total + restartCount, 0),
  };
}

/** kubectl's column STATUS, but for init containers. */
function statusOf({ phase = 'Unknown', reason, containerStatuses = [] }: NonNullable<PodObject['status']>) {
  const reasons = containerStatuses.map(
    ({ state = {} }) => state.waiting?.reason ?? state.terminated?.reason,
  );
  return reasons.find((one) => one !== undefined) ?? reason ?? phase;
}

function eventOverview(event: EventObject): EventOverview {
  const { involvedObject = {}, metadata = {} } = event;
  return {
    time: event.lastTimestamp ?? event.eventTime ?? event.firstTimestamp ?? metadata.creationTimestamp ?? '',
    type: event.type ?? 'Normal',
    object: `${involvedObject.kind ?? ''}/${involvedObject.name ?? ''}`,
    namespace: involvedObject.namespace ?? '',
    reason: event.reason ?? '',
    message: event.message ?? '',
  };
}
