import { log, reasonOf } from '../log.ts';
import type { KubernetesClient } from '../../clients/kubernetes/client.ts';
import type { KubernetesObject } from '../../clients/kubernetes/objects.ts';

export interface EventText {
  type: 'Normal' | 'Warning';
  /** One word: "AllocationFailed". */
  reason: string;
  message: string;
}

/** What `kubectl describe` of an object shows. Nothing depends on it: a failure is only logged. */
export async function tellOf(
  api: KubernetesClient,
  source: { component: string; host: string },
  { apiVersion, kind, metadata }: KubernetesObject,
  { type, reason, message }: EventText,
): Promise<void> {
  const { name = '', namespace = '', uid, resourceVersion } = metadata ?? {};
  const now = new Date().toISOString();
  try {
    await api.create(`/api/v1/namespaces/${namespace}/events`, {
      metadata: { generateName: `${name}.`, namespace },
      involvedObject: { apiVersion, kind, name, namespace, uid, resourceVersion },
      ...{ type, reason, message, count: 1, firstTimestamp: now, lastTimestamp: now },
      source,
    });
  } catch (error) {
    // a namespace that is being deleted takes no events
    log.warning(`event for ${namespace}/${name}: ${reasonOf(error)}`);
  }
}
