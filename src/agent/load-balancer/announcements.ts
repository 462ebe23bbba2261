/**
 * Which node answers for which address, in a ConfigMap. The elected controller writes it, and each node reads its own
 * line, so nodes need no right to read Services.
 *
 *     kubectl -n kube-system get configmap knest-load-balancer -o yaml
 *     data:
 *       knest-worker: 10.89.0.192 10.89.0.193
 */

import { ApiError } from '../../clients/kubernetes/client.ts';
import type { KubernetesClient } from '../../clients/kubernetes/client.ts';
import { keepWatching } from '../kubernetes/keep-watching.ts';
import type { ConfigMapObject } from '../../clients/kubernetes/objects.ts';
import { balancerName } from './names.ts';

const path = '/api/v1/namespaces/kube-system/configmaps';

/** Tells of the object whenever it changes; undefined: there is none. Returns when it is known for the first time. */
export function watchAnnouncements(
  api: KubernetesClient,
  onChange: (object: ConfigMapObject | undefined) => void,
): Promise<void> {
  return keepWatching<ConfigMapObject>(
    api,
    path,
    {
      set: (object) => {
        if (object.metadata?.name === balancerName) onChange(object);
      },
      delete: ({ metadata }) => {
        if (metadata?.name === balancerName) onChange(undefined);
      },
    },
    { fields: `metadata.name=${balancerName}` },
  );
}

/** What one node answers for. */
export function addressesOf(object: ConfigMapObject | undefined, node: string): string[] {
  return (object?.data?.[node] ?? '').split(/\s+/).filter((address) => address !== '');
}

/** The node of every address. */
export function nodesByAddress(object: ConfigMapObject | undefined): Map<string, string> {
  return new Map(
    Object.keys(object?.data ?? {}).flatMap((node) =>
      addressesOf(object, node).map((address) => [address, node] as const),
    ),
  );
}

/**
 * Writes who answers, unless that is what the object says already.
 * @returns what it says now
 * @throws ApiError (409) when somebody has changed it meanwhile
 */
export async function writeAnnouncements(
  api: KubernetesClient,
  current: ConfigMapObject | undefined,
  placed: ReadonlyMap<string, string>,
): Promise<ConfigMapObject | undefined> {
  const lines = new Map<string, string[]>();
  for (const [address, node] of placed) lines.set(node, [...(lines.get(node) ?? []), address]);
  const data = Object.fromEntries(
    [...lines].map(([node, addresses]) => [node, addresses.sort().join(' ')] as const).sort(),
  );
  const before = Object.fromEntries(Object.entries(current?.data ?? {}).sort());
  if (JSON.stringify(data) === JSON.stringify(before)) return current;
  const object: ConfigMapObject = {
    ...{ apiVersion: 'v1', kind: 'ConfigMap' },
    metadata: { ...current?.metadata, name: balancerName, namespace: 'kube-system' },
    data,
  };
  if (!current) return api.create(path, object);
  try {
    return await api.replace(`${path}/${balancerName}`, object);
  } catch (error) {
    // Deleted meanwhile. The watch is about to say so, and then it is tried again.
    if (error instanceof ApiError && error.status === 404) throw new ApiError(409, error.message);
    throw error;
  }
}
