import { buildPaths } from '../../artifacts/cache-contents.ts';
import { removeLayer } from '../../artifacts/layers.ts';
import { layerPath } from '../../artifacts/layer-info.ts';
import { KnestError } from '../../errors.ts';
import { planningLock, removeEmptyFolders } from '../../state/clusters.ts';
import { acquireLock } from '../../state/lock.ts';
import type { Lock } from '../../state/lock.ts';
import { forgetStateFolder, stateFolders } from '../../state/state-folders.ts';
import { openSession } from '../session.ts';
import type { Session } from '../session.ts';
import type { Context } from '../types.ts';
import { lookAtCache } from './list.ts';
import type { CachedLayer } from './list.ts';

export interface PruneOptions extends Context {
  /** Also layers that the next cluster could stand on. */
  all?: boolean;
  /** Milliseconds: only what was built longer ago. */
  olderThan?: number;
  /** Removes nothing. */
  dryRun?: boolean;
}

export interface PruneResult {
  /** What was removed, or would be. */
  removed: readonly CachedLayer[];
  /** Bytes of it. */
  freed: number;
}

/**
 * Removes from the cache what nobody uses: what interrupted builds have left, and layers that a newer one has replaced;
 * with `all`, every layer on which no cluster stands. What is being built stays. While a cluster's record cannot be read,
 * all layers do, with a warning.
 */
export async function pruneCache(options: PruneOptions = {}): Promise<PruneResult> {
  const session = openSession(options);
  if (options.dryRun) return resultOf(await choose(session, options));
  return withPlanningLocks(session, async () => {
    const removed: CachedLayer[] = [];
    for (const entry of await choose(session, options)) {
      session.signal.throwIfAborted();
      if (await removeEntry(session, entry)) removed.push(entry);
    }
    return resultOf(removed);
  });
}

function resultOf(removed: readonly CachedLayer[]): PruneResult {
  return { removed, freed: removed.reduce((sum, { size }) => sum + size, 0) };
}

async function choose(session: Session, options: PruneOptions): Promise<CachedLayer[]> {
  const { contents, users } = await lookAtCache(session);
  const { entries } = contents;
  const youngest = Date.now() - (options.olderThan ?? 0);
  const unsure = users.unreadable.length > 0;
  if (unsure) {
    const message = 'nobody knows which layers that cluster stands on: all of them stay';
    session.listener({ type: 'note', level: 'warning', message });
  }
  return entries.filter((entry, index) => {
    if (entry.builder !== undefined || Date.parse(entry.built) > youngest) return false;
    if (entry.kind === 'build') return true;
    if (unsure || entry.usedBy.length > 0) return false;
    return (options.all ?? false) || isReplaced(entry, entries.slice(0, index));
  });
}

/** @param newer than this one */
function isReplaced(entry: CachedLayer, newer: readonly CachedLayer[]): boolean {
  const purpose = purposeOf(entry);
  return newer.some((other) => purposeOf(other) === purpose);
}

/** Of layers with the same purpose, a new cluster takes the newest. One that a lock names nothing else can replace. */
function purposeOf({ id, kind, arch, version, source, images, component, content }: CachedLayer): string {
  if (content !== undefined) return id;
  const ofDirectory = source?.startsWith('/') ?? false;
  switch (kind) {
    case 'rootfs':
      return JSON.stringify([kind, arch, version]);
    case 'kubernetes':
      return JSON.stringify([kind, arch, source, ...(ofDirectory ? [] : [version])]);
    case 'component':
      return JSON.stringify([kind, arch, component, source, ...(ofDirectory ? [] : [version])]);
    case 'images':
      return JSON.stringify([kind, arch, ...(images ?? [])]);
    case 'build':
    case 'unknown':
      return id;
  }
}

/** @returns false when somebody has begun to build it */
async function removeEntry({ host, paths }: Session, { id, kind }: CachedLayer): Promise<boolean> {
  const lock = await acquireLock(host, `${layerPath(paths, id)}.lock`).catch((error: unknown) => {
    if (error instanceof KnestError && error.code === 'LOCKED') return undefined;
    throw error;
  });
  if (!lock) return false;
  try {
    if (kind !== 'build') await removeLayer(paths, id, host);
    for (const path of buildPaths(paths, id)) await host.remove(path);
    return true;
  } finally {
    await lock.release();
  }
}

/**
 * No cluster is planned meanwhile: whoever has its plan on disk is seen, and whoever plans later finds that the layer is
 * gone. Always in the same order, so that two never wait for each other.
 */
async function withPlanningLocks<T>({ host, paths, signal }: Session, work: () => Promise<T>): Promise<T> {
  const locks: Lock[] = [];
  try {
    for (const state of await stateFolders(host, paths)) {
      const own = { ...paths, state };
      if (!(await host.stat(state))) await forgetStateFolder(host, own);
      else locks.push(await acquireLock(host, planningLock(own), { wait: true, signal }));
    }
    return await work();
  } finally {
    for (const lock of locks.reverse()) await lock.release();
    await removeEmptyFolders(host, paths);
  }
}
