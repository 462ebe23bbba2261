import { readFile } from 'node:fs/promises';

import { ApiError, deleteIfThere } from '../../clients/kubernetes/client.ts';
import type { KubernetesClient } from '../../clients/kubernetes/client.ts';
import type { ConfigMapObject, KubernetesObject } from '../../clients/kubernetes/objects.ts';
import { pollUntil } from '../../poll.ts';
import { openApi } from '../kubernetes/open-api.ts';
import type { ApiAccess } from '../kubernetes/open-api.ts';
import { log, reasonOf } from '../log.ts';
import { locator } from './resources.ts';
import type { Locate } from './resources.ts';

/** Objects of the user's that a cluster has from its beginning, as a file of the machine. */
export interface ManifestsFile {
  /** As an administrator. */
  api: ApiAccess;
  /** In the order in which they are applied. */
  objects: readonly KubernetesObject[];
}

/** Says of an object that it came by a manifest of the config: no other one is ever deleted. */
export const ownerLabel = 'knest.dev/applied-by';
const owner = 'manifests';

/** What has been applied, so that what is no manifest any more can be found, also when knest was killed in between. */
const inventoryFolder = '/api/v1/namespaces/kube-system/configmaps';
const inventoryName = 'knest-manifests';

/** Milliseconds between two rounds. */
const shortest = 100;
const longest = 5000;

/** What it takes to find an object again. */
type Reference = Required<Pick<KubernetesObject, 'apiVersion' | 'kind'>> & {
  metadata: { name: string; namespace?: string };
};

/** Applies the file's objects and takes away what earlier files had and this one has not. Tries until all is so. */
export async function applyManifests(path: string): Promise<void> {
  const { api: access, objects } = JSON.parse(await readFile(path, 'utf8')) as ManifestsFile;
  await bringAbout(await openApi(access), objects);
  log.info(`${objects.length} objects of manifests are as they should be`);
}

/** See applyManifests. */
export async function bringAbout(api: KubernetesClient, objects: readonly KubernetesObject[]): Promise<void> {
  const locate = locator(api);
  const wanted = objects.map(referenceTo);
  const before = await untilDone(() => readInventory(api));
  const gone = before.filter((one) => !wanted.some((other) => keyOf(one) === keyOf(other)));
  // noted before it is made: whatever is there is known
  await untilDone(() => writeInventory(api, [...gone, ...wanted]));
  let pending = [...objects];
  await rounds(async () => {
    // in order, but one that is not taken yet does not keep those that it may be waiting for
    const left: KubernetesObject[] = [];
    let reason = '';
    for (const object of pending) {
      try {
        await api.apply(await locate(object), owned(object));
      } catch (error) {
        if (reason === '') reason = `${object.kind ?? ''} ${keyOf(referenceTo(object))}: ${reasonOf(error)}`;
        left.push(object);
      }
    }
    pending = left;
    return reason;
  });
  // the last ones first: what stood on the others
  for (const one of gone.reverse()) await untilDone(() => prune(api, locate, one));
  await untilDone(() => writeInventory(api, wanted));
}

async function prune(api: KubernetesClient, locate: Locate, reference: Reference): Promise<void> {
  const path = await locate(reference).catch((error: unknown) => {
    if (error instanceof ApiError) throw error;
    // its kind is gone, and so are all objects of it
    return undefined;
  });
  const object = path === undefined ? undefined : await find<KubernetesObject>(api, path);
  if (path === undefined || object?.metadata?.labels?.[ownerLabel] !== owner) return;
  await deleteIfThere(api, `${path}?propagationPolicy=Background`);
  log.info(`${reference.kind} ${keyOf(reference)} is no manifest any more and is deleted`);
}

async function find<T>(api: KubernetesClient, path: string): Promise<T | undefined> {
  try {
    return await api.get<T>(path);
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return undefined;
    throw error;
  }
}

async function readInventory(api: KubernetesClient): Promise<Reference[]> {
  const map = await find<ConfigMapObject>(api, `${inventoryFolder}/${inventoryName}`);
  return JSON.parse(map?.data?.['objects'] ?? '[]') as Reference[];
}

async function writeInventory(api: KubernetesClient, references: readonly Reference[]): Promise<void> {
  await api.apply(`${inventoryFolder}/${inventoryName}`, {
    ...{ apiVersion: 'v1', kind: 'ConfigMap' },
    metadata: { name: inventoryName, namespace: 'kube-system' },
    data: { objects: JSON.stringify(references) },
  });
}

function owned(object: KubernetesObject): KubernetesObject {
  const { metadata } = object;
  return { ...object, metadata: { ...metadata, labels: { ...metadata?.labels, [ownerLabel]: owner } } };
}

function referenceTo({ apiVersion = '', kind = '', metadata }: KubernetesObject): Reference {
  const { name = '', namespace } = metadata ?? {};
  return { apiVersion, kind, metadata: { name, ...(namespace === undefined ? {} : { namespace }) } };
}

/** The version of an API may change without the object being another one. */
function keyOf({ apiVersion, kind, metadata }: Reference): string {
  const group = apiVersion.includes('/') ? apiVersion.replace(/\/.*/, '') : '';
  return [group, kind, metadata.namespace ?? '', metadata.name].join('/').replace(/^\//, '');
}

async function untilDone<T>(work: () => Promise<T>): Promise<T> {
  const done: T[] = [];
  await rounds(async () => {
    try {
      done.push(await work());
      return '';
    } catch (error) {
      return reasonOf(error);
    }
  });
  return done[0] as T;
}

/** Again and again, until a round gives no reason why it is not done; each reason is told once. */
async function rounds(round: () => Promise<string>): Promise<void> {
  let last = '';
  const interval = (attempts: number): number => Math.min(shortest * 1.5 ** (attempts - 1), longest);
  await pollUntil({ interval }, async () => {
    const reason = await round();
    if (reason === '') return { value: undefined };
    if (reason !== last) log.warning(`not yet: ${reason}`);
    last = reason;
    return undefined;
  });
}
