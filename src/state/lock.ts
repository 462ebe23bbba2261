import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { KnestError } from '../errors.ts';
import { codeOf } from '../host/error-codes.ts';
import { formatIdentity, isAlive, parseIdentity } from '../host/process.ts';
import { removeStaleLock } from '../host/stale-lock.ts';
import type { Host } from '../host/types.ts';

export interface Lock {
  /** Never fails: one that cannot be given back is stale once this process has ended, and this process can take it again. */
  release(): Promise<void>;
}

export interface LockOptions {
  /** Wait for the holder to finish instead of failing. */
  wait?: boolean;
  /** Told once when waiting begins. */
  onWait?: (pid: number) => void;
  signal?: AbortSignal;
}

/**
 * Takes a lock that names its holder: a symbolic link, which appears whole and in one step, so that a kill leaves a
 * lock or nothing. One left by a process that no longer lives is taken over: a killed knest never needs
 * cleaning up after. (No flock(2) in Node, and the npm packages for it wait out a time-out after
 * a crash.) It is on the host that knest works on, and so is its holder: see Host.identity.
 * @throws KnestError kind "locked" when somebody holds it and `wait` is not set.
 */
export async function acquireLock(host: Host, path: string, options: LockOptions = {}): Promise<Lock> {
  const me = await host.identity();
  let told = false;
  for (;;) {
    options.signal?.throwIfAborted();
    const created = await host
      .makeDirectory(dirname(path), 0o755)
      .then(() => host.linkExclusively(formatIdentity(me).trimEnd(), path))
      .catch((error: unknown) => {
        // another knest has deleted the last cluster, and the folder with it: make it again
        ignoreMissing(error);
        return false;
      });
    if (created) {
      abandoned.get(host)?.delete(path);
      return { release: () => giveBack(host, path) };
    }
    const text = await readLock(host, path);
    const holder = text === undefined ? undefined : parseIdentity(text);
    const isStale = text !== undefined && (holder === undefined || !(await isAlive(host, holder)));
    if (isStale) {
      await removeStaleLock(host, path, text);
    } else if (text === formatIdentity(me).trimEnd() && abandoned.get(host)?.delete(path)) {
      // of several that want it only one has found it in the list: it alone takes it away
      await host.remove(path).catch((error: unknown) => {
        abandon(host, path);
        throw error;
      });
    } else if (holder) {
      if (!options.wait) {
        throw new KnestError(`another knest (pid ${holder.pid}) is working on this`, {
          code: 'LOCKED',
          hint: `wait until it has finished, or end it: kill ${holder.pid}`,
        });
      }
      if (!told) options.onWait?.(holder.pid);
      told = true;
      await sleep(200, undefined, options.signal ? { signal: options.signal } : {});
    }
  }
}

/** Number of the process that holds a lock; undefined: nobody does, or one that has died. */
export async function lockHolder(host: Host, path: string): Promise<number | undefined> {
  const text = await host.readLink(path);
  const holder = text === undefined ? undefined : parseIdentity(text);
  return holder && (await isAlive(host, holder)) ? holder.pid : undefined;
}

/** Locks of this process that it has done with and could not remove. */
const abandoned = new WeakMap<Host, Set<string>>();

async function giveBack(host: Host, path: string): Promise<void> {
  try {
    await host.remove(path);
  } catch {
    abandon(host, path);
  }
}

function abandon(host: Host, path: string): void {
  abandoned.set(host, (abandoned.get(host) ?? new Set()).add(path));
}

/** Who holds the lock; undefined when it has just been released, and perhaps been taken again. */
async function readLock(host: Host, path: string): Promise<string | undefined> {
  const text = await host.readLink(path);
  if (text !== undefined) return text;
  const found = await host.stat(path);
  if (found === undefined || found.kind === 'link') return undefined;
  throw new KnestError(`${path} is in the way: it is no lock of knest`, {
    code: 'FILE_IN_THE_WAY',
    hint: `look at it, then: rm ${path}`,
  });
}

function ignoreMissing(error: unknown): void {
  if (codeOf(error) !== 'ENOENT') throw error;
}
