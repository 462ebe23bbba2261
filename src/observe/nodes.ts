import type { NodeCondition } from './types.ts';
import type { ApiClient } from '../clients/kubernetes.ts';

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
}

/** The shape of a v1 Node, as far as it is read here; every field may be missing while a node registers. */
interface NodeObject {
  metadata?: { name?: string };
  spec?: { unschedulable?: boolean };
  status?: { conditions?: ConditionObject[]; nodeInfo?: { kubeletVersion?: string } };
}

interface ConditionObject extends NodeCondition {
  lastHeartbeatTime?: string;
}

/** @throws ApiError 404 when the node has not registered */
export async function readNode(client: ApiClient, name: string): Promise<KubernetesNode> {
  return parseNode(await client.get(`/api/v1/nodes/${name}`));
}

export async function readNodes(client: ApiClient): Promise<KubernetesNode[]> {
  const list = (await client.get('/api/v1/nodes')) as { items?: unknown[] };
  return (list.items ?? []).map(parseNode);
}

/** As kubectl shows it in the column STATUS: "Ready", "NotReady", "Ready,SchedulingDisabled", "Unknown". */
export function statusInWords({ conditions, ready, unschedulable }: KubernetesNode): string {
  const known = conditions.some(({ type }) => type === 'Ready');
  const health = known ? (ready ? 'Ready' : 'NotReady') : 'Unknown';
  return unschedulable ? `${health},SchedulingDisabled` : health;
}

function parseNode(value: unknown): KubernetesNode {
  const node = value as NodeObject;
  const conditions = (node.status?.conditions ?? []).map(({ type, status, reason, message }) => ({
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
  };
}
