/** Nodes that take no pods while they are changed. */

import type { KubernetesClient } from '../../clients/kubernetes/client.ts';
import type { NodeObject } from '../../clients/kubernetes/objects.ts';

/** On a Node that knest has cordoned, and nobody else: whoever goes on lets it take pods again. */
export const cordonedAnnotation = 'knest.dev/cordoned';

/** Keeps new pods from a node. One that its user has cordoned stays so, and stays so afterwards. */
export async function cordon(client: Pick<KubernetesClient, 'get' | 'patch'>, name: string): Promise<void> {
  const path = `/api/v1/nodes/${name}`;
  const { spec } = await client.get<NodeObject>(path);
  if (spec?.unschedulable) return;
  await client.patch(path, {
    metadata: { annotations: { [cordonedAnnotation]: new Date().toISOString() } },
    spec: { unschedulable: true },
  });
}

/** Lets a node take pods again if it was knest that kept them from it. Again is harmless. */
export async function uncordon(client: Pick<KubernetesClient, 'get' | 'patch'>, name: string): Promise<void> {
  const path = `/api/v1/nodes/${name}`;
  const { metadata } = await client.get<NodeObject>(path);
  if (metadata?.annotations?.[cordonedAnnotation] === undefined) return;
  await client.patch(path, {
    metadata: { annotations: { [cordonedAnnotation]: null } },
    spec: { unschedulable: null },
  });
}
