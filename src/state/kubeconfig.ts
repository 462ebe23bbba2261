import { setTimeout as sleep } from 'node:timers/promises';

import { parseDocument, isMap, isSeq } from 'yaml';
import type { Document } from 'yaml';

import { KnestError } from '../errors.ts';
import { kubeconfigObject } from '../formats/kubeconfig.ts';
import type { KubeconfigInput } from '../formats/kubeconfig.ts';
import { identifyProcess, isAlive } from '../host/process.ts';
import type { Host } from '../host/types.ts';

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
export async function addToKubeconfig(host: Host, path: string, input: KubeconfigInput): Promise<void> {
  const wanted = kubeconfigObject(input);
  await changeKubeconfig(host, path, (document) => {
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

/** Takes a cluster out again; a current context that named it is unset. A missing file is fine. */
export async function removeFromKubeconfig(host: Host, path: string, name: string): Promise<void> {
  if ((await host.stat(path)) === undefined) return;
  await changeKubeconfig(host, path, (document) => {
    const removed = lists.map((list) => removeEntry(document, list, name)).some(Boolean);
    if (document.get('current-context') === name) document.set('current-context', '');
    return removed;
  });
}

/** Under client-go's own lock (<file>.lock, created exclusively), so that kubectl and kind may write at the same time. */
async function changeKubeconfig(
  host: Host,
  path: string,
  change: (document: Document) => boolean,
): Promise<void> {
  const unlock = await lockKubeconfig(host, `${path}.lock`);
  try {
    const text = (await host.readFile(path)) ?? '';
    const document: Document = parseDocument(text.trim() === '' ? '{}' : text);
    const broken = document.errors[0];
    if (broken || !isMap(document.contents)) {
      throw new KnestError(`${path} is not a kubeconfig: ${broken?.message ?? 'not a mapping'}`, {
        hint: 'mend the file, or name another one with --kubeconfig',
      });
    }
    const mode = (await host.stat(path))?.mode ?? 0o600;
    if (change(document)) await host.writeFile(path, document.toString({ lineWidth: 0 }), mode);
  } finally {
    await unlock();
  }
}

/** @throws KnestError kind "locked" when somebody holds the lock for more than 10 s */
async function lockKubeconfig(host: Host, path: string): Promise<() => Promise<void>> {
  const folder = path.slice(0, path.lastIndexOf('/'));
  if ((await host.stat(folder)) === undefined) await host.makeDirectory(folder, 0o755);
  const me = await identifyProcess(host, process.pid);
  const mark = `knest-${me?.pid}-${me?.startTime}-${me?.bootId}`;
  const deadline = Date.now() + 10_000;
  // ln(1) without --force fails when the name exists: exclusive on any host
  while ((await host.run(['ln', '-s', mark, path], { okExitCodes: [0, 1] })).exitCode !== 0) {
    const { stdout } = await host.run(['readlink', path], { okExitCodes: 'any' });
    const [, pid = '', startTime = '', bootId = ''] = /^knest-(\d+)-(\d+)-(\S+)/.exec(stdout) ?? [];
    if (pid !== '' && !(await isAlive(host, { pid: Number(pid), startTime, bootId }))) {
      await host.remove(path); // of a knest that was killed
    } else if (Date.now() > deadline) {
      throw new KnestError(`${path} is held by another program`, {
        kind: 'locked',
        hint: `if no kubectl, kind or knest is running, remove it: rm ${path}`,
      });
    } else {
      await sleep(50);
    }
  }
  return () => host.remove(path);
}

function removeEntry(document: Document, list: string, name: string): boolean {
  const entries = document.get(list);
  if (!isSeq(entries)) return false;
  const before = entries.items.length;
  entries.items = entries.items.filter((item) => !(isMap(item) && item.get('name') === name));
  return entries.items.length < before;
}
