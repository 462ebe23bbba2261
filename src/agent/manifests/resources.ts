import { ApiError } from '../../clients/kubernetes/client.ts';
import type { KubernetesClient } from '../../clients/kubernetes/client.ts';
import type { KubernetesObject } from '../../clients/kubernetes/objects.ts';

/** APIResourceList, as /api/v1 and /apis/GROUP/VERSION answer. */
interface ResourceList {
  resources?: { name: string; kind: string; namespaced: boolean }[];
}

/** Where an object is, as the API server says it. */
export type Locate = (object: KubernetesObject) => Promise<string>;

/**
 * Asks the API server where objects of a kind are, once for each group and version that has it.
 * @returns of the function: the path of the object. It fails while the API server knows no such kind: its definition (a
 * CustomResourceDefinition) may be on its way
 */
export function locator(api: Pick<KubernetesClient, 'get'>): Locate {
  const known = new Map<string, ResourceList>();
  return async ({ apiVersion = '', kind = '', metadata }) => {
    const group = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
    const find = (list: ResourceList | undefined) =>
      // subresources have a slash in their names
      list?.resources?.find((one) => one.kind === kind && !one.name.includes('/'));
    let found = find(known.get(group));
    if (!found) {
      const list = await api.get<ResourceList>(group).catch((error: unknown) => {
        if (error instanceof ApiError && error.status === 404) return {};
        throw error;
      });
      known.set(group, list);
      found = find(list);
    }
    if (!found) throw new Error(`the API server knows no kind ${kind} of ${apiVersion}`);
    const namespace = found.namespaced ? `/namespaces/${metadata?.namespace ?? 'default'}` : '';
    return `${group}${namespace}/${found.name}/${metadata?.name ?? ''}`;
  };
}
