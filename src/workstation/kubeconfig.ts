import { dirname, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { parseDocument, isMap, isSeq } from 'yaml';
import type { Document } from 'yaml';

import { KnestError } from '../errors.ts';
import { kubeconfigObject } from '../formats/kubeconfig.ts';
import type { KubeconfigInput } from '../formats/kubeconfig.ts';
import { removeTemporaryFiles } from '../host/temporary-files.ts';
import { isAlive } from '../host/process.ts';
import type { Host } from '../host/types.ts';
import { removeStaleLock } from '../host/stale-lock.ts';

/** The user's kubeconfig: `host` is the machine that the user sits at (Workstation.local), wherever clusters are. */
const lists = ['clusters', 'users', 'contexts'] as const;

/** The file to write to: the flag, else the first of $KUBECONFIG, else ~/.kube/config, as kind chooses. */
export function kubeconfigPath(
  flag: string | undefined,
  environment: Readonly<Record<string, string | undefined>>,
): string {
  const first = environment['KUBECONFIG']?.split(':').find((path) => path !== '');
  return flag ?? first ?? `${environment['HOME'] ?? '/root'}/.kube/config`;
}

/** Adds or replaces a cluster with its user and context, and makes it current; everything else stays as it is. */
export async function addToKubeconfig(
  host: Host,
  path: string,
  input: KubeconfigInput,
  options: LockOptions = {},
): Promise<void> {
  const wanted = kubeconfigObject(input);
  await changeKubeconfig(host, path, options, (document) => {
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
}

/**
 * Replaces a cluster with its user and context where the file has them; which one is current stays as it is.
 * @returns whether it has them
 */
export async function replaceInKubeconfig(
  host: Host,
  path: string,
  input: KubeconfigInput,
  options: LockOptions = {},
): Promise<boolean> {
  if ((await host.stat(path)) === undefined) return false;
  const wanted = kubeconfigObject(input);
  let found = false;
  await changeKubeconfig(host, path, options, (document) => {
    for (const list of lists) {
      if (!removeEntry(document, list, input.name)) continue;
      document.addIn([list], document.createNode(wanted[list][0]));
      found = true;
    }
    return found;
  });
  return found;
}

/** Takes a cluster out again; a current context that named it is unset. A missing file is fine. */
export async function removeFromKubeconfig(
  host: Host,
  path: string,
  name: string,
  options: LockOptions = {},
): Promise<void> {
  if ((await host.stat(path)) === undefined) return;
  await changeKubeconfig(host, path, options, (document) => {
    const removed = lists.map((list) => removeEntry(document, list, name)).some(Boolean);
    if (document.get('current-context') === name) document.set('current-context', '');
    return removed;
  });
}

/** A file that is not there is an empty one. @throws KnestError when it is not a kubeconfig */
export async function readKubeconfig(host: Host, path: string): Promise<Document> {
  const text = (await host.readFile(path)) ?? '';
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

interface LockOptions {
  /** Milliseconds to wait for another program that holds the lock. */
  lockTimeout?: number;
}

/** Under client-go's own lock (<file>.lock, created exclusively), so that kubectl and kind may write at the same time. */
async function changeKubeconfig(
  host: Host,
  path: string,
  { lockTimeout = 10_000 }: LockOptions,
  change: (document: Document) => boolean,
): Promise<void> {
  const unlock = await lockKubeconfig(host, `${path}.lock`, lockTimeout);
  try {
    const file = await followLinks(host, path);
    const document = await readKubeconfig(host, file);
    const mode = (await host.stat(file))?.mode ?? 0o600;
    if (change(document)) await host.writeFile(file, document.toString({ lineWidth: 0 }), mode);
    await removeTemporaryFiles(host, file);
  } finally {
    await unlock();
  }
}

/** The file itself: replacing a link (to a synchronised folder, say) would cut it off. */
async function followLinks(host: Host, path: string): Promise<string> {
  const target = await host.readLink(path);
  return target === undefined ? path : followLinks(host, resolve(dirname(path), target));
}

/** @throws KnestError kind "locked" when somebody holds the lock for longer than `timeout` milliseconds */
async function lockKubeconfig(host: Host, path: string, timeout: number): Promise<() => Promise<void>> {
  const folder = dirname(path);
  if ((await host.stat(folder)) === undefined) await host.makeDirectory(folder, 0o755);
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
