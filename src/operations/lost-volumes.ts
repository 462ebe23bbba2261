/** Volumes of knest-agent whose data goes with a node's machine. */

import { ApiError } from '../clients/kubernetes.ts';
import type { ApiClient } from '../clients/kubernetes.ts';

const path = '/api/v1/persistentvolumes';

interface Volume {
  metadata: { name: string; annotations?: Record<string, string> };
  spec: {
    claimRef?: { namespace: string; name: string };
    nodeAffinity?: {
      required?: { nodeSelectorTerms: { matchExpressions?: { key: string; values?: string[] }[] }[] };
    };
  };
  status?: { phase?: string };
}

/**
 * Deletes the objects of a node's volumes: nobody is left who would. One that a claim holds goes when the claim does
 * (Kubernetes: "Storage Object in Use Protection").
 * @returns the claims that are left without their data: "namespace/name"
 */
export async function deleteVolumesOf(client: ApiClient, node: string): Promise<string[]> {
  const { items = [] } = (await client.get(path)) as { items?: Volume[] };
  const gone = items.filter((volume) => isOn(volume, node));
  await Promise.all(gone.map(({ metadata }) => deleteIfThere(client, `${path}/${metadata.name}`)));
  return gone.flatMap(({ spec: { claimRef }, status }) =>
    claimRef && status?.phase === 'Bound' ? [`${claimRef.namespace}/${claimRef.name}`] : [],
  );
}

function isOn({ metadata, spec }: Volume, node: string): boolean {
  if (metadata.annotations?.['pv.kubernetes.io/provisioned-by'] !== 'knest.dev/local-path') return false;
  const terms = spec.nodeAffinity?.required?.nodeSelectorTerms ?? [];
  return terms.some(({ matchExpressions = [] }) =>
    matchExpressions.some(({ key, values }) => key === 'kubernetes.io/hostname' && values?.includes(node)),
  );
}

async function deleteIfThere(client: ApiClient, object: string): Promise<void> {
  try {
    await client.delete(object);
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 404) throw error;
  }
}
