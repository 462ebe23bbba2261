import { readCache } from '../../artifacts/cache-contents.ts';
import type { CacheEntry } from '../../artifacts/cache-contents.ts';
import { openSession } from '../session.ts';
import type { Session } from '../session.ts';
import type { Context } from '../types.ts';
import { layerUsers } from './users.ts';
import type { LayerUsers } from './users.ts';

export interface CachedLayer extends CacheEntry {
  /** Names of clusters that stand on it; of those of other state folders with the folder; else where it is mounted. */
  usedBy: readonly string[];
}

export interface CacheContents {
  folder: string;
  entries: readonly CachedLayer[];
  /** Bytes on the disk, together. */
  size: number;
}

/** Layers and unfinished builds in the cache, and who uses them. Clusters whose records cannot be read are warnings. */
export async function listCache(context: Context = {}): Promise<CacheContents> {
  const session = openSession(context);
  const { contents } = await lookAtCache(session);
  return contents;
}

/** The same for who goes on with it. */
export async function lookAtCache(session: Session): Promise<{ contents: CacheContents; users: LayerUsers }> {
  const { host, paths, listener } = session;
  const [found, users] = await Promise.all([readCache(paths, host), layerUsers(session)]);
  for (const error of users.unreadable) {
    listener({ type: 'note', level: 'warning', message: error.message });
  }
  const entries = found.map((entry) => ({
    ...entry,
    usedBy: entry.kind === 'build' ? [] : (users.byLayer.get(entry.id) ?? []),
  }));
  const size = entries.reduce((sum, entry) => sum + entry.size, 0);
  return { contents: { folder: paths.cache, entries, size }, users };
}
