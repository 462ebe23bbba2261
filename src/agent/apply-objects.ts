import { readFile } from 'node:fs/promises';

import { ApiError } from '../clients/kubernetes/client.ts';
import type { KubernetesClient } from '../clients/kubernetes/client.ts';
import type { KubernetesObject } from '../clients/kubernetes/objects.ts';
import { pollUntil } from '../poll.ts';
import { openApi } from './kubernetes/open-api.ts';
import type { ApiAccess } from './kubernetes/open-api.ts';
import { log, reasonOf } from './log.ts';

/** Objects that a cluster has from its beginning, as a file of the machine. */
export interface ObjectsFile {
  /** As an administrator. */
  api: ApiAccess;
  /** "@base64:/path@" in a text is that file of the machine, in base64. */
  objects: readonly KubernetesObject[];
  /** Made when they are missing and never touched again: an administrator may change them. */
  once?: readonly KubernetesObject[];
}

/** Resource and group of each kind that may be in there; Kubernetes asks the API server, which takes longer. */
const resources: Readonly<Record<string, string>> = {
  APIService: 'apiservices',
  ClusterRole: 'clusterroles',
  ClusterRoleBinding: 'clusterrolebindings',
  ConfigMap: 'configmaps',
  Deployment: 'deployments',
  IngressClass: 'ingressclasses',
  Role: 'roles',
  RoleBinding: 'rolebindings',
  RuntimeClass: 'runtimeclasses',
  Service: 'services',
  ServiceAccount: 'serviceaccounts',
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
  const { api: access, objects, once = [] } = await readObjects(path);
  const api = await openApi(access);
  for (const object of objects) await untilTaken(() => api.apply(pathOf(object), object));
  for (const object of once) await untilTaken(() => createIfMissing(api, object));
  log.info(`${objects.length + once.length} objects are as they should be`);
}

/** The file, with what it names of the machine in it. */
export async function readObjects(path: string): Promise<ObjectsFile> {
  const text = await readFile(path, 'utf8');
  const parts = text.split(/@base64:([^@"]+)@/);
  const filled = parts.map(async (part, index) => (index % 2 === 0 ? part : await readFile(part, 'base64')));
  return JSON.parse((await Promise.all(filled)).join('')) as ObjectsFile;
}

async function untilTaken(change: () => Promise<unknown>): Promise<void> {
  let last = '';
  const interval = (attempts: number): number => Math.min(shortest * 1.5 ** (attempts - 1), longest);
  await pollUntil({ interval }, async () => {
    try {
      return { value: await change() };
    } catch (error) {
      const reason = reasonOf(error);
      if (reason !== last) log.info(`not yet: ${reason}`);
      last = reason;
      return undefined;
    }
  });
}

/** What is there stays as it is. */
export async function createIfMissing(api: KubernetesClient, object: KubernetesObject): Promise<void> {
  try {
    await api.create(pathOf(object).replace(/\/[^/]*$/, ''), object);
  } catch (error) {
    if (!(error instanceof ApiError && error.status === 409)) throw error;
  }
}

/** @throws Error for a kind that is not in the table */
export function pathOf({ apiVersion = '', kind = '', metadata }: KubernetesObject): string {
  const resource = resources[kind];
  if (resource === undefined) throw new Error(`nobody has said where objects of kind ${kind} are`);
  const group = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const namespace = metadata?.namespace === undefined ? '' : `/namespaces/${metadata.namespace}`;
  return `${group}${namespace}/${resource}/${metadata?.name ?? ''}`;
}
