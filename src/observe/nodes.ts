import type { NodeCondition } from './types.ts';
import type { KubernetesClient } from '../clients/kubernetes/client.ts';
import type { ListObject, NodeObject } from '../clients/kubernetes/objects.ts';

/** What knest wants to know of a Node object. */
export interface KubernetesNode {
  name: string;
  ready: boolean;
  /** Cordoned: takes no new pods. */
  unschedulable: boolean;
  kubeletVersion: string | undefined;
  conditions: readonly NodeCondition[];
  /** When its kubelet last said how it is; undefined until it has. */
  heartbeat: Date | undefined;
  /** What it has for pods: quantities by resource. */
  allocatable: Readonly<Record<string, string>>;
}

/** @throws ApiError 404 when the node has not registered */
export async function readNode(client: Pick<KubernetesClient, 'get'>, name: string): Promise<KubernetesNode> {
  return parseNode(await client.get<NodeObject>(`/api/v1/nodes/${name}`));
}

export async function readNodes(client: Pick<KubernetesClient, 'get'>): Promise<KubernetesNode[]> {
  const { items = [] } = await client.get<ListObject<NodeObject>>('/api/v1/nodes');
  return items.map(parseNode);
}

/** As kubectl shows it in the column STATUS: "Ready", "NotReady", "Ready,SchedulingDisabled", "Unknown". */
export function statusInWords({ conditions, ready, unschedulable }: KubernetesNode): string {
  const known = conditions.some(({ type }) => type === 'Ready');
  const health = known ? (ready ? 'Ready' : 'NotReady') : 'Unknown';
  return unschedulable ? `${health},SchedulingDisabled` : health;
}

/** Every field may be missing while a node registers. */
export function parseNode(node: NodeObject): KubernetesNode {
  const conditions = (node.status?.conditions ?? []).map(({ type, status, reason = '', message = '' }) => ({
    type,
    status,
    reason,
    message,
  }));
  const heartbeat = node.status?.conditions?.find(({ type }) => type === 'Ready')?.lastHeartbeatTime;
  return {
    name: node.metadata?.name ?? '',
    heartbeat: heartbeat === undefined ? undefined : new Date(heartbeat),
    ready: conditions.some(({ type, status }) => type === 'Ready' && status === 'True'),
    unschedulable: node.spec?.unschedulable ?? false,
    kubeletVersion: node.status?.nodeInfo?.kubeletVersion,
    conditions,
    allocatable: node.status?.allocatable ?? {},
  };
}
