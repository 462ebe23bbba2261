/** Directories and files that were made on the host because a mount asked for them. */

import { dirname } from 'node:path';

import type { Host } from '../host/types.ts';
import type { MachineManager } from '../managers/types.ts';
import type { MachinePlan } from '../plan/types.ts';
import { removeEmptyCommand } from '../tools/find.ts';

/** Its record, a list of paths, parents first; goes with the machine. */
function recordOf({ folder }: Pick<MachinePlan, 'folder'>): string {
  return `${folder}/made-on-host.json`;
}

/**
 * Makes what the machine's mounts ask for and what is not there, empty, with the directories that lead to it. It is noted
 * before it is made. Again is harmless.
 * @returns the paths that mounts name, as far as they were made now
 */
export async function makeAskedFor(
  host: Host,
  machine: Pick<MachinePlan, 'folder' | 'binds'>,
): Promise<string[]> {
  const wanted = machine.binds.filter(({ make }) => make !== undefined);
  const missing = await filterAsync(wanted, async ({ source }) => isMissing(host, source));
  if (missing.length === 0) return [];
  const folders = [...new Set(missing.flatMap(({ source }) => pathsTo(dirname(source))))];
  const newFolders = await filterAsync(folders, (path) => isMissing(host, path));
  const known = await readRecord(host, machine);
  const made = [...new Set([...known, ...newFolders, ...missing.map(({ source }) => source)])].sort();
  await host.writeFile(recordOf(machine), `${JSON.stringify(made, undefined, 2)}\n`, 0o600, { sync: true });
  for (const { source, make } of missing) {
    if (make === 'file') await host.writeFile(source, '', 0o644);
    else await host.makeDirectory(source, 0o755);
  }
  return [...new Set(missing.map(({ source }) => source))];
}

/**
 * Ends a machine and takes away all that is its own, and what was made for it on the host as far as it is still empty.
 * @param staying machines that may use the same paths
 */
export async function destroyMachine(
  host: Host,
  manager: MachineManager,
  machine: MachinePlan,
  staying: readonly MachinePlan[] = [],
): Promise<void> {
  const used = new Set(
    staying
      .filter(({ name }) => name !== machine.name)
      .flatMap(({ binds }) => binds.map(({ source }) => source)),
  );
  const made = (await readRecord(host, machine)).filter((path) => !used.has(path));
  // before the record goes; a machine that is about to end does not miss it
  if (made.length > 0) await host.run(removeEmptyCommand([...made].reverse()), { okExitCodes: 'any' });
  await manager.destroy(machine);
}

/** A damaged one is as good as none: deleting always works. */
async function readRecord(host: Host, machine: Pick<MachinePlan, 'folder'>): Promise<string[]> {
  const text = (await host.readFile(recordOf(machine))) ?? '[]';
  try {
    const paths: unknown = JSON.parse(text);
    return Array.isArray(paths) ? paths.filter((path): path is string => typeof path === 'string') : [];
  } catch {
    return [];
  }
}

/** "/a/b" -> "/a", "/a/b" */
function pathsTo(path: string): string[] {
  const parts = path.split('/').filter((part) => part !== '');
  return parts.map((_, index) => `/${parts.slice(0, index + 1).join('/')}`);
}

async function isMissing(host: Host, path: string): Promise<boolean> {
  return (await host.stat(path)) === undefined;
}

async function filterAsync<T>(list: readonly T[], test: (one: T) => Promise<boolean>): Promise<T[]> {
  const passed = await Promise.all(list.map(test));
  return list.filter((_, index) => passed[index]);
}
