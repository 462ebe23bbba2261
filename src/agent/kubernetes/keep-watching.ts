import { setTimeout as sleep } from 'node:timers/promises';

import { log, reasonOf } from '../log.ts';
import { ApiError, watchSeconds } from '../../clients/kubernetes/client.ts';
import type { KubernetesClient } from '../../clients/kubernetes/client.ts';
import { keyOf } from '../../clients/kubernetes/objects.ts';
import type { KubernetesObject, ListObject } from '../../clients/kubernetes/objects.ts';

export interface WatchHandlers<T> {
  /** New or changed. */
  set: (object: T) => void;
  /** Gone; after a time without connection only its name and namespace are known. */
  delete: (object: KubernetesObject) => void;
}

export interface Selector {
  labels?: string;
  fields?: string;
}

/** Milliseconds between two tries. */
const shortest = 100;
const longest = 1000;

interface WatchEvent<T> {
  type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  object: T & { code?: number; message?: string };
}

/**
 * Tells of all objects at a path, for as long as the process lives: what is there, and every change. When the API server
 * is away, what was told still stands; when it is back, only what has changed since is told. Kubernetes: "API
 * Concepts", "Efficient detection of changes".
 *
 * @kubernetes/client-node's informer does the same and keeps every object. It was measured in a machine: 16 MB more of
 * memory that nothing shares, on every node (31 instead of 15), fourteen times the program, and its last version for Node
 * 20 leaves a watch without any time limit.
 * @returns when everything that is there has been told once
 */
export function keepWatching<T extends KubernetesObject>(
  api: KubernetesClient,
  path: string,
  handlers: WatchHandlers<T>,
  selector: Selector = {},
): Promise<void> {
  return new Promise((resolve, reject) => {
    watchForEver(api, path, handlers, selector, resolve).catch(reject);
  });
}

async function watchForEver<T extends KubernetesObject>(
  api: KubernetesClient,
  path: string,
  handlers: WatchHandlers<T>,
  selector: Selector,
  onListed: () => void,
): Promise<void> {
  /** What was told, to know what has gone meanwhile. */
  const known = new Map<string, KubernetesObject>();
  let version: string | undefined;
  let failures = 0;

  const set = (object: T): void => {
    const { name, namespace } = object.metadata ?? {};
    const reduced = { ...(name && { name }), ...(namespace && { namespace }) };
    known.set(keyOf(object), { metadata: reduced });
    handlers.set(object);
  };
  const list = async (): Promise<string | undefined> => {
    const { items = [], metadata } = await api.get<ListObject<T>>(query(path, selector));
    const present = new Set(items.map(keyOf));
    for (const [key, object] of known) {
      if (present.has(key)) continue;
      known.delete(key);
      handlers.delete(object);
    }
    items.forEach(set);
    onListed();
    return metadata?.resourceVersion;
  };
  const take = ({ type, object }: WatchEvent<T>): void => {
    if (type === 'ERROR') throw new ApiError(object.code ?? 500, object.message ?? 'the watch has failed');
    version = object.metadata?.resourceVersion ?? version;
    if (type === 'ADDED' || type === 'MODIFIED') set(object);
    if (type === 'DELETED') {
      known.delete(keyOf(object));
      handlers.delete(object);
    }
  };

  for (;;) {
    try {
      version ??= await list();
      const watch = { watch: 'true', allowWatchBookmarks: 'true', timeoutSeconds: String(watchSeconds) };
      await api.lines(query(path, selector, { ...watch, resourceVersion: version ?? '' }), {
        onOpen: () => {
          if (failures > 0) log.info(`watching ${path} again`);
          failures = 0;
        },
        onLine: (line) => {
          take(JSON.parse(line) as WatchEvent<T>);
        },
      });
    } catch (error) {
      // 410: the API server no longer knows what has changed since that version
      if (error instanceof ApiError && error.status === 410) version = undefined;
      else if (failures++ === 0) log.warning(`watching ${path}: ${reasonOf(error)}`);
    }
    // Also after a watch that ended as it should: if watches end at once, the API server must not be kept busy.
    await sleep(Math.min(shortest * 2 ** Math.max(0, failures - 1), longest));
  }
}

function query(path: string, { labels, fields }: Selector, more: Record<string, string> = {}): string {
  const parameters = new URLSearchParams({
    ...more,
    ...(labels === undefined ? {} : { labelSelector: labels }),
    ...(fields === undefined ? {} : { fieldSelector: fields }),
  });
  return parameters.size === 0 ? path : `${path}?${parameters.toString()}`;
}
