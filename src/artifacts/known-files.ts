/**
 * What was found out about large files of the user's, so that a command that is given them again need not read them again:
 * binaries of Kubernetes are 900 MB. A file in the cache remembers it. Whatever happens to that file, the worst is that
 * files are read once more.
 */

import type { Host } from '../host/types.ts';
import type { Paths } from '../plan/types.ts';
import { parseSha256, sha256Command } from '../tools/sha256sum.ts';

/** Who finds something out about files by reading them. */
export interface FileReader<T> {
  /** What it finds out, in a word: under this it is remembered. */
  kind: string;
  /** @param wanted places of files in the list that was asked about @returns what it found, in this order */
  read: (wanted: readonly number[]) => Promise<readonly T[]>;
  /** Whether that which was remembered has the form of it. */
  isValid: (value: unknown) => value is T;
}

export interface KnownFilesContext {
  /** Has the files. */
  local: Host;
  /** Has the cache. */
  host: Host;
  paths: Paths;
}

interface Entry {
  /** One of the file's names. */
  path: string;
  /** FileInfo.state, when it was read. */
  state: string;
  /** By kind. */
  facts: Readonly<Record<string, unknown>>;
}

interface Memory {
  /** Device numbers, by which files are known, mean something on one kernel and until it ends. */
  boot: string;
  entries: readonly Entry[];
}

const formatVersion = 1;

/**
 * Milliseconds. Time stamps of files have steps: of a file that was changed this shortly before it was read, the next
 * change may leave no trace in them.
 */
const settled = 2_000;

/** sha256 of each file, as hexadecimal digits. */
export function sha256Of(files: readonly string[], context: KnownFilesContext): Promise<string[]> {
  const reader: FileReader<string> = {
    kind: 'sha256',
    read: async (wanted) => {
      const unknown = wanted.map((index) => files[index] ?? '');
      return parseSha256((await context.local.run(sha256Command(unknown))).stdout);
    },
    isValid: (value): value is string => typeof value === 'string' && /^[0-9a-f]{64}$/.test(value),
  };
  return learnAbout(files, reader, context);
}

/** What is known of each file, or is found out now; several names of one file are one. Errors are the reader's. */
export async function learnAbout<T>(
  files: readonly string[],
  reader: FileReader<T>,
  context: KnownFilesContext,
): Promise<T[]> {
  const { local } = context;
  const [before, memory, asked] = [await statesOf(files, local), await recall(context), Date.now()];
  const known = new Map<string, T>();
  for (const { state, facts } of memory.entries) {
    const fact = facts[reader.kind];
    if (reader.isValid(fact)) known.set(state, fact);
  }
  // the first name of each; what is not there the reader complains about
  const unknown = before.flatMap(({ state }, index) =>
    known.has(state) || before.findIndex((one) => one.state === state) < index ? [] : [index],
  );
  if (unknown.length > 0) {
    const found = await reader.read(unknown);
    const after = await statesOf(files, local);
    const learned: Entry[] = [];
    for (const [at, index] of unknown.entries()) {
      const [path, was, is] = [files[index] ?? '', before[index], after[index]];
      const fact = found[at] as T;
      if (was) known.set(was.state, fact);
      if (was?.state !== is?.state || was?.changed === undefined || asked - was.changed < settled) continue;
      learned.push({ path, state: was.state, facts: { [reader.kind]: fact } });
    }
    if (learned.length > 0) await remember(learned, [], context);
  }
  return before.map(({ state }) => known.get(state) as T);
}

/** Takes back what is known of files, when it has turned out to be wrong. */
export async function forgetFiles(files: readonly string[], context: KnownFilesContext): Promise<void> {
  const states = await statesOf(files, context.local);
  await remember(
    [],
    states.map(({ state }) => state),
    context,
  );
}

/** @returns changed: milliseconds since 1970; undefined: there is no such file */
async function statesOf(
  files: readonly string[],
  local: Host,
): Promise<{ state: string; changed: number | undefined }[]> {
  return Promise.all(
    files.map(async (path) => {
      const found = await local.stat(path, { follow: true });
      if (found?.kind !== 'file') return { state: path, changed: undefined };
      return { state: found.state, changed: Math.max(found.ctimeMs, found.mtimeMs) };
    }),
  );
}

function memoryPath({ cache }: Paths): string {
  return `${cache}/known-files.json`;
}

/** A memory of another format or boot, or a damaged one, is none. */
async function recall({ local, host, paths }: KnownFilesContext): Promise<Memory> {
  const { bootId: boot } = await local.identity();
  try {
    const text = await host.readFile(memoryPath(paths));
    const stored: unknown = text === undefined ? undefined : JSON.parse(text);
    if (isMapping(stored) && stored['version'] === formatVersion && stored['boot'] === boot) {
      const { entries } = stored;
      if (Array.isArray(entries)) return { boot, entries: entries.filter(isEntry) };
    }
  } catch {
    // it is only a memory
  }
  return { boot, entries: [] };
}

/**
 * Adds to what is remembered by now, perhaps by another knest; of two that write at the same time, one is remembered. Files
 * that are gone or have changed are left out. Nothing is written where there is no cache yet: a command that only looks
 * makes no folders.
 */
async function remember(
  learned: readonly Entry[],
  wrong: readonly string[],
  context: KnownFilesContext,
): Promise<void> {
  const { local, host, paths } = context;
  try {
    if ((await host.stat(paths.cache)) === undefined) return;
    const { boot, entries } = await recall(context);
    const byState = new Map(entries.map((entry) => [entry.state, entry]));
    for (const entry of learned) {
      const facts = { ...byState.get(entry.state)?.facts, ...entry.facts };
      byState.set(entry.state, { ...entry, facts });
    }
    for (const state of wrong) byState.delete(state);
    const all = [...byState.values()];
    const now = await statesOf(
      all.map(({ path }) => path),
      local,
    );
    const present = all.filter(({ state }, index) => now[index]?.state === state);
    const text = JSON.stringify({ version: formatVersion, boot, entries: present }, null, 2);
    await host.writeFile(memoryPath(paths), `${text}\n`, 0o644);
  } catch {
    // a disk that is full or read-only: the next command reads the files again
  }
}

function isEntry(value: unknown): value is Entry {
  return (
    isMapping(value) &&
    typeof value['path'] === 'string' &&
    typeof value['state'] === 'string' &&
    isMapping(value['facts'])
  );
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
