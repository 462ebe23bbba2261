import { setTimeout as sleep } from 'node:timers/promises';

import { ListWatch, Watch } from '@kubernetes/client-node';
import type { KubernetesListObject, KubernetesObject as LibraryObject } from '@kubernetes/client-node';

import { log, reasonOf } from '../log.ts';
import type { Api } from './api.ts';
import type { KubernetesObject } from './objects.ts';

export interface WatchHandlers<T> {
  /** New or changed. */
  set: (object: T) => void;
  /** Gone; after a time without connection only its metadata is known. */
  delete: (object: T) => void;
}

/** Milliseconds between two tries. */
const shortest = 100;
const longest = 1000;

/**
 * Tells of all objects at a path, for as long as the process lives: what is there, and every change. When the API server
 * is away, what was told still stands; when it is back, only what has changed since is told.
 *
 * The library's informer keeps every object whole; here it keeps names and versions, as the handlers have taken what
 * they want.
 * @returns when everything that is there has been told once
 */
export async function keepWatching<T extends KubernetesObject>(
  api: Api,
  path: string,
  handlers: WatchHandlers<T>,
  selector: { labels?: string; fields?: string } = {},
): Promise<void> {
  const query = new URLSearchParams({
    ...(selector.labels === undefined ? {} : { labelSelector: selector.labels }),
    ...(selector.fields === undefined ? {} : { fieldSelector: selector.fields }),
  }).toString();
  let listed = (): void => undefined;
  const firstList = new Promise<void>((resolve) => {
    listed = resolve;
  });
  const list = async (): Promise<KubernetesListObject<LibraryObject>> => {
    const found = await api.get<KubernetesListObject<LibraryObject>>(
      query === '' ? path : `${path}?${query}`,
    );
    // once the informer has gone through them
    setImmediate(listed);
    return found;
  };
  const informer = new ListWatch<LibraryObject>(
    path,
    new Watch(api.kubeConfig),
    list,
    false,
    selector.labels,
    selector.fields,
  );
  let failures = 0;
  // the library drops what a handler throws
  const guarded = (handle: (object: T) => void) => (object: LibraryObject) => {
    try {
      // its models hold dates where there is text
      handle(object as unknown as T);
    } catch (error) {
      log.bug(error);
    }
  };
  const set = guarded((object) => {
    handlers.set(object);
    keepNameOnly(object);
  });
  informer.on('add', set);
  informer.on('update', set);
  informer.on('delete', guarded(handlers.delete));
  const again = async (): Promise<void> => {
    await sleep(Math.min(shortest * 2 ** (failures - 1), longest));
    const before = failures;
    await informer.start();
    if (failures !== before) return;
    log.info(`watching ${path} again`);
    failures = 0;
  };
  // the informer ends with its first error, an API server that is away among them
  informer.on('error', (error) => {
    failures += 1;
    if (failures === 1) log.warning(`watching ${path}: ${reasonOf(error)}`);
    void again();
  });
  await informer.start();
  await firstList;
}

function keepNameOnly(object: KubernetesObject): void {
  const { name, namespace, resourceVersion } = object.metadata ?? {};
  for (const key of Object.keys(object)) Reflect.deleteProperty(object, key);
  object.metadata = {
    ...(name === undefined ? {} : { name }),
    ...(namespace === undefined ? {} : { namespace }),
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
  };
}
