import { randomBytes } from 'node:crypto';
import { link, open, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { KnestError } from '../errors.ts';
import { formatIdentity, identifyProcess, isAlive, parseIdentity } from '../host/process.ts';
import type { Host } from '../host/types.ts';
import { removeStaleLock } from './stale-lock.ts';

export interface Lock {
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
 * Takes a lock file that names its holder; one left by a process that no longer lives is taken over, so a killed
 * knest never needs cleaning up after. (No flock(2) in Node, and the npm packages for it wait out a time-out after
 * a crash.) Locks are held on the machine where knest runs, whichever host it works on.
 * @throws KnestError kind "locked" when somebody holds it and `wait` is not set.
 */
export async function acquireLock(host: Host, path: string, options: LockOptions = {}): Promise<Lock> {
  const me = await identifyProcess(host, process.pid);
  if (!me) throw new Error('/proc does not show this process');
  let told = false;
  for (;;) {
    options.signal?.throwIfAborted();
    const created = await host
      .makeDirectory(dirname(path), 0o755)
      .then(() => createExclusively(path, formatIdentity(me)))
      .catch((error: unknown) => {
        // the folder has gone again: another knest deleted its last cluster
        ignoreMissing(error);
        return false;
      });
    if (created) {
      return { release: () => unlink(path).catch(ignoreMissing) };
    }
    const text = await host.readFile(path);
    const holder = text === undefined ? undefined : parseIdentity(text);
    const isStale = text !== undefined && (holder === undefined || !(await isAlive(host, holder)));
    if (isStale) {
      await removeStaleLock(host, path, 'cat', text);
    } else if (holder) {
      if (!options.wait) {
        throw new KnestError(`another knest (pid ${holder.pid}) is working on this`, {
          kind: 'locked',
          hint: `wait until it has finished, or end it: kill ${holder.pid}`,
        });
      }
      if (!told) options.onWait?.(holder.pid);
      told = true;
      await sleep(200, undefined, options.signal ? { signal: options.signal } : {});
    }
  }
}

/** A whole lock file appears at once: written aside, then hard-linked, which fails when there is one. */
async function createExclusively(path: string, text: string): Promise<boolean> {
  const aside = uniqueName(path);
  const file = await open(aside, 'w', 0o644);
  await file.writeFile(text);
  await file.close();
  try {
    await link(aside, path);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  } finally {
    await unlink(aside);
  }
}

/** Two calls of one process may want the same lock. */
function uniqueName(path: string): string {
  return `${path}.${process.pid}-${randomBytes(4).toString('hex')}`;
}

function ignoreMissing(error: unknown): void {
  if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
}
