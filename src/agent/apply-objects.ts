import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

import { openApi } from './kubernetes/api.ts';
import type { ApiAccess } from './kubernetes/api.ts';
import type { KubernetesObject } from './kubernetes/objects.ts';
import { log, reasonOf } from './log.ts';

/** Objects that a cluster has from its beginning, as a file of the machine. */
export interface ObjectsFile {
  /** As an administrator. */
  api: ApiAccess;
  objects: readonly KubernetesObject[];
}

/** Resource and group of each kind that may be in there; Kubernetes asks the API server, which takes longer. */
const resources: Readonly<Record<string, string>> = {
  ClusterRole: 'clusterroles',
  ClusterRoleBinding: 'clusterrolebindings',
  ConfigMap: 'configmaps',
  Role: 'roles',
  RoleBinding: 'rolebindings',
  Service: 'services',
  StorageClass: 'storageclasses',
};

/** Milliseconds between two tries. */
const shortest = 50;
const longest = 1000;

/**
 * Makes these objects, or makes existing ones so again (server-side apply: what others have set besides stays). Tries
 * until the API server takes them.
 */
export async function applyObjects(path: string): Promise<void> {
  const { api: access, objects } = JSON.parse(await readFile(path, 'utf8')) as ObjectsFile;
  const api = await openApi(access);
  let last = '';
  for (const object of objects) {
    for (let wait = shortest; ; wait = Math.min(wait * 1.5, longest)) {
      try {
        await api.apply(pathOf(object), object);
        break;
      } catch (error) {
        const reason = reasonOf(error);
        if (reason !== last) log.info(`not yet: ${reason}`);
        last = reason;
        await sleep(wait);
      }
    }
  }
  log.info(`${objects.length} objects are as they should be`);
}

/** @throws Error for a kind that is not in the table */
export function pathOf({ apiVersion = '', kind = '', metadata }: KubernetesObject): string {
  const resource = resources[kind];
  if (resource === undefined) throw new Error(`nobody has said where objects of kind ${kind} are`);
  const group = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const namespace = metadata?.namespace === undefined ? '' : `/namespaces/${metadata.namespace}`;
  return `${group}${namespace}/${resource}/${metadata?.name ?? ''}`;
}
