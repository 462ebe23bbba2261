/** An API server in memory: objects by path, watches that the test feeds, refusals on request. */

import { ApiError } from '../../src/clients/kubernetes/client.ts';
import type { KubernetesClient } from '../../src/clients/kubernetes/client.ts';
import type { KubernetesObject } from '../../src/clients/kubernetes/objects.ts';

export interface FakeApi extends KubernetesClient {
  /** "GET /path", ... in order, watches as "WATCH /path?...". */
  readonly calls: string[];
  /** Puts an object there and tells watchers. */
  put(path: string, object: KubernetesObject): void;
  remove(path: string, name: string): void;
  object(path: string, name: string): KubernetesObject | undefined;
  /** Ends all watches: with an error, or as the API server does from time to time. */
  endWatches(error?: Error): void;
  /** What the next calls of a kind fail with; undefined: nothing. */
  failWith(error: Error | undefined): void;
  /** Changes that no watch has seen: as after a time without connection that was too long. */
  forget(): void;
}

interface Watcher {
  path: string;
  onLine: (line: string) => void;
  end: (error?: Error) => void;
}

export function fakeApi(): FakeApi {
  const objects = new Map<string, Map<string, KubernetesObject>>();
  const watchers = new Set<Watcher>();
  const calls: string[] = [];
  let version = 1;
  let oldest = 0;
  let failure: Error | undefined;

  const at = (path: string): Map<string, KubernetesObject> => {
    const found = objects.get(path) ?? new Map<string, KubernetesObject>();
    objects.set(path, found);
    return found;
  };
  const tell = (path: string, type: string, object: KubernetesObject): void => {
    for (const watcher of watchers) {
      if (watcher.path === path) watcher.onLine(JSON.stringify({ type, object }));
    }
  };
  const put = (path: string, object: KubernetesObject): void => {
    version += 1;
    const name = object.metadata?.name ?? '';
    const changed = { ...object, metadata: { ...object.metadata, resourceVersion: String(version) } };
    const type = at(path).has(name) ? 'MODIFIED' : 'ADDED';
    at(path).set(name, changed);
    tell(path, type, changed);
  };
  const remove = (path: string, name: string): void => {
    const object = at(path).get(name);
    if (!object) throw new ApiError(404, `no ${name}`);
    version += 1;
    at(path).delete(name);
    tell(path, 'DELETED', object);
  };
  const split = (path: string): [folder: string, name: string] => {
    const slash = path.lastIndexOf('/');
    return [path.slice(0, slash), path.slice(slash + 1)];
  };
  const call = async (what: string): Promise<void> => {
    calls.push(what);
    // as slow as the real one: nothing happens within the same turn
    await Promise.resolve();
    if (failure) throw failure;
  };
  return {
    endpoint: 'https://127.0.0.1:1',
    isListening: () => Promise.resolve(true),
    close: () => undefined,
    calls,
    put,
    remove,
    object: (path, name) => at(path).get(name),
    endWatches: (error) => {
      for (const watcher of [...watchers]) watcher.end(error);
    },
    failWith: (error) => {
      failure = error;
    },
    forget: () => {
      oldest = version;
    },
    get: async <T>(path: string) => {
      await call(`GET ${path}`);
      const [folder, name] = split(path);
      const one = at(folder).get(name);
      if (one) return structuredClone(one) as T;
      const items = [...at(path.replace(/\?.*/, '')).values()];
      return structuredClone({ metadata: { resourceVersion: String(version) }, items }) as T;
    },
    create: async <T>(path: string, object: T) => {
      await call(`POST ${path}`);
      const { metadata } = object as KubernetesObject;
      if (at(path).has(metadata?.name ?? '')) throw new ApiError(409, 'exists');
      put(path, object as KubernetesObject);
      return structuredClone(at(path).get(metadata?.name ?? '')) as T;
    },
    replace: async <T>(path: string, object: T) => {
      await call(`PUT ${path}`);
      const [folder, name] = split(path.replace(/\/(status|approval)$/, ''));
      const current = at(folder).get(name)?.metadata?.resourceVersion;
      if (current === undefined) throw new ApiError(404, `no ${name}`);
      const { metadata } = object as KubernetesObject;
      if (metadata?.resourceVersion !== current) throw new ApiError(409, 'has changed');
      put(folder, object as KubernetesObject);
      return structuredClone(at(folder).get(name)) as T;
    },
    patch: async (path, changes) => {
      await call(`PATCH ${path}`);
      const [folder, name] = split(path.replace(/\/status(\?.*)?$/, ''));
      const current = at(folder).get(name);
      if (!current) throw new ApiError(404, `no ${name}`);
      const { metadata, ...rest } = changes as KubernetesObject;
      if (metadata?.uid !== undefined && metadata.uid !== current.metadata?.uid)
        throw new ApiError(409, 'another object of this name');
      put(folder, { ...current, ...rest, metadata: { ...current.metadata, ...metadata } });
    },
    apply: async (path) => {
      await call(`APPLY ${path}`);
    },
    delete: async (path) => {
      await call(`DELETE ${path}`);
      remove(...split(path));
    },
    lines: async (path, { onOpen, onLine }) => {
      await call(`WATCH ${path}`);
      const url = new URL(path, 'http://localhost');
      if (Number(url.searchParams.get('resourceVersion')) < oldest) throw new ApiError(410, 'too old');
      onOpen();
      await new Promise<void>((resolve, reject) => {
        const watcher: Watcher = {
          path: url.pathname,
          onLine: (line) => {
            try {
              onLine(line);
            } catch (error) {
              watcher.end(error as Error);
            }
          },
          end: (error) => {
            watchers.delete(watcher);
            if (error) reject(error);
            else resolve();
          },
        };
        watchers.add(watcher);
      });
    },
  };
}
