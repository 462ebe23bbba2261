/** Volumes of knest-agent whose data goes with a node's machine. */

import { deleteIfThere } from '../../clients/kubernetes/client.ts';
import type { KubernetesClient } from '../../clients/kubernetes/client.ts';
import type { ListObject, VolumeObject } from '../../clients/kubernetes/objects.ts';

const path = '/api/v1/persistentvolumes';

/**
 * Deletes the objects of a node's volumes: nobody is left who would. One that a claim holds goes when the claim does
 * (Kubernetes: "Storage Object in Use Protection").
 * @returns the claims that are left without their data: "namespace/name"
 */
export async function deleteVolumesOf(
  client: Pick<KubernetesClient, 'get' | 'delete'>,
  node: string,
): Promise<string[]> {
  const { items = [] } = await client.get<ListObject<VolumeObject>>(path);
  const gone = items.filter((volume) => isOn(volume, node));
  await Promise.all(gone.map(({ metadata }) => deleteIfThere(client, `${path}/${metadata?.name ?? ''}`)));
  return gone.flatMap(({ spec, status }) =>
    spec?.claimRef && status?.phase === 'Bound' ? [`${spec.claimRef.namespace}/${spec.claimRef.name}`] : [],
  );
}

function isOn({ metadata, spec }: VolumeObject, node: string): boolean {
  if (metadata?.annotations?.['pv.kubernetes.io/provisioned-by'] !== 'knest.dev/local-path') return false;
  const terms = spec?.nodeAffinity?.required?.nodeSelectorTerms ?? [];
  return terms.some(({ matchExpressions = [] }) =>
    matchExpressions.some(({ key, values }) => key === 'kubernetes.io/hostname' && values?.includes(node)),
  );
}
