import type { KubernetesClient } from '../clients/kubernetes/client.ts';
import type { MachinePlan } from '../plan/types.ts';

/**
 * Gives a Node object what its kubelet may not give itself: the labels of its role, and its pod subnet. To do so again
 * changes nothing.
 * @throws ApiError, 404 when the node has not registered
 */
export async function completeNode(
  client: Pick<KubernetesClient, 'patch'>,
  { name, nodePatch }: MachinePlan,
): Promise<void> {
  await client.patch(`/api/v1/nodes/${name}`, nodePatch);
}
