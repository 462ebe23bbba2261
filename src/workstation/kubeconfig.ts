import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { parseDocument, isMap, isSeq } from 'yaml';
import type { Document } from 'yaml';

import { KnestError } from '../errors.ts';
import { kubeconfigObject } from '../formats/kubeconfig.ts';
import type { KubeconfigInput } from '../formats/kubeconfig.ts';
import { codeOf } from '../host/error-codes.ts';
import { removeTemporaryFiles } from '../host/temporary-files.ts';
import { isAlive } from '../host/process.ts';
import type { Host } from '../host/types.ts';
import { removeStaleLock } from '../host/stale-lock.ts';
import { realKubeconfig } from './kubeconfig-paths.ts';
import type { Desk } from './kubeconfig-paths.ts';
import { isRegularFile } from './links.ts';
import { makeUserFolder, writeUserFile } from './user-file.ts';

/** The lists of a kubeconfig in which a cluster has an entry. The file is the user's, wherever clusters are. */
const lists = ['clusters', 'users', 'contexts'] as const;

/**
 * Adds or replaces a cluster with its user and context, and makes it current; everything else stays as it is.
 * @returns warnings: the file has the cluster's key now, whoever may read it
 */
export async function addToKubeconfig(
  desk: Desk,
  path: string,
  input: KubeconfigInput,
  options: LockOptions = {},
): Promise<string[]> {
  const wanted = kubeconfigObject(input);
  const mode = await changeKubeconfig(desk, path, options, (document) => {
    for (const list of lists) {
      removeEntry(document, list, input.name);
      // a list may be missing, or be null in files that kubectl has emptied
      if (!isSeq(document.get(list))) document.set(list, document.createNode([]));
      document.addIn([list], document.createNode(wanted[list][0]));
    }
    for (const key of ['apiVersion', 'kind'] as const) if (!document.has(key)) document.set(key, wanted[key]);
    document.set('current-context', wanted['current-context']);
    return true;
  });
  const readers = mode & 0o004 ? 'everybody' : mode & 0o040 ? 'its group' : undefined;
  if (readers === undefined) return [];
  return [
    `${path} has the key of ${input.name} now, and ${readers} may read it; to change that: chmod 600 ${path}`,
  ];
}

/**
 * Replaces a cluster with its user and context where the file has them; which one is current stays as it is.
 * @returns whether it has them
 */
export async function replaceInKubeconfig(
  desk: Desk,
  path: string,
  input: KubeconfigInput,
  options: LockOptions = {},
): Promise<boolean> {
  if (!(await isRegularFile(desk.local, path))) return false;
  const wanted = kubeconfigObject(input);
  let found = false;
  await changeKubeconfig(desk, path, options, (document) => {
    for (const list of lists) {
      if (!removeEntry(document, list, input.name)) continue;
      document.addIn([list], document.createNode(wanted[list][0]));
      found = true;
    }
    return found;
  });
  return found;
}

/** Takes a cluster out again; a current context that named it is unset. A missing file is fine, and so is /dev/null. */
export async function removeFromKubeconfig(
  desk: Desk,
  path: string,
  name: string,
  options: LockOptions = {},
): Promise<void> {
  if (!(await isRegularFile(desk.local, path))) return;
  await changeKubeconfig(desk, path, options, (document) => {
    const removed = lists.map((list) => removeEntry(document, list, name)).some(Boolean);
    if (document.get('current-context') === name) document.set('current-context', '');
    return removed;
  });
}

/** @throws KnestError when a context cannot be added to it; a file that is not there is none of these cases */
export async function checkKubeconfig({ local }: Desk, path: string): Promise<void> {
  await readDocument(local, await realKubeconfig(local, path));
}

/** A file that is not there is an empty one. @throws KnestError when it is not a kubeconfig */
async function readDocument(local: Host, path: string): Promise<Document> {
  const text = (await readText(local, path)) ?? '';
  const document: Document = parseDocument(text.trim() === '' ? '{}' : text);
  const broken = document.errors[0];
  if (broken || !isMap(document.contents)) {
    throw new KnestError(`${path} is not a kubeconfig: ${broken?.message ?? 'not a mapping'}`, {
      code: 'INVALID_KUBECONFIG',
      hint: 'mend the file, or name another one with --kubeconfig',
    });
  }
  return document;
}

async function readText(local: Host, path: string): Promise<string | undefined> {
  try {
    return await local.readFile(path);
  } catch (cause) {
    const denied = ['EACCES', 'EPERM'].includes(codeOf(cause) ?? '');
    throw new KnestError(`the kubeconfig ${path} cannot be read`, {
      code: denied ? 'PERMISSION_DENIED' : 'FILE_UNUSABLE',
      hint: 'look at its owner and mode (ls -l), or name another one with --kubeconfig',
      cause,
    });
  }
}

interface LockOptions {
  /** Milliseconds to wait for another program that holds the lock. */
  lockTimeout?: number;
}

/**
 * Under client-go's own lock (<file>.lock, created exclusively), so that kubectl and kind may write at the same time.
 * @returns the file's mode
 */
async function changeKubeconfig(
  desk: Desk,
  path: string,
  { lockTimeout = 10_000 }: LockOptions,
  change: (document: Document) => boolean,
): Promise<number> {
  const { local } = desk;
  await realKubeconfig(local, path);
  await makeUserFolder(desk, dirname(path));
  const unlock = await lockKubeconfig(local, `${path}.lock`, lockTimeout);
  try {
    const file = await realKubeconfig(local, path);
    const document = await readDocument(local, file);
    const mode = (await local.stat(file))?.mode ?? 0o600;
    if (change(document)) await writeUserFile(desk, file, document.toString({ lineWidth: 0 }), mode);
    await removeTemporaryFiles(local, file);
    return mode;
  } finally {
    await unlock();
  }
}

/** @throws KnestError kind "locked" when somebody holds the lock for longer than `timeout` milliseconds */
async function lockKubeconfig(host: Host, path: string, timeout: number): Promise<() => Promise<void>> {
  const { pid: ownPid, startTime: ownStart, bootId: ownBoot } = await host.identity();
  const mark = `knest-${ownPid}-${ownStart}-${ownBoot}`;
  const deadline = Date.now() + timeout;
  for (;;) {
    if (await host.linkExclusively(mark, path)) return () => host.remove(path);
    const found = (await host.readLink(path)) ?? '';
    const [, pid = '', startTime = '', bootId = ''] = /^knest-(\d+)-(\d+)-(\S+)$/.exec(found) ?? [];
    if (pid !== '' && !(await isAlive(host, { pid: Number(pid), startTime, bootId }))) {
      await removeStaleLock(host, path, found);
    }
    if (Date.now() > deadline) {
      throw new KnestError(`${path} is held by another program`, {
        code: 'LOCKED',
        hint: `if no kubectl, kind or knest is running, remove it: rm ${path}`,
      });
    }
    await sleep(50);
  }
}

function removeEntry(document: Document, list: string, name: string): boolean {
  const entries = document.get(list);
  if (!isSeq(entries)) return false;
  const before = entries.items.length;
  entries.items = entries.items.filter((item) => !(isMap(item) && item.get('name') === name));
  return entries.items.length < before;
}
