/** A tree of files in memory that behaves as one on a disk: parents, kinds, modes, and the errors that Node throws. */

import { dirname } from 'node:path';
import { Readable } from 'node:stream';

import { errorWithCode } from './error-codes.ts';
import type { FileInfo, Host, TreeEntry } from './types.ts';

type Files = Omit<Host, 'name' | 'identity' | 'run' | 'spawn' | 'connect' | 'close'>;

type Entry = { mode: number } & Made &
  ({ kind: 'file'; bytes: Buffer } | { kind: 'directory' } | { kind: 'link'; target: string });

/** What an entry has from the moment when it was made; changing one is making another. */
interface Made {
  serial: number;
  mtimeMs: number;
  ctimeMs: number;
  uid: number;
  gid: number;
}

/** A file as tests put it in and look at it; of a link, content is where it leads. */
export interface StoredFile {
  content: string;
  mode: number;
  link?: boolean;
}

/** The files and links by path, without the directories. */
export interface StoredFiles extends Iterable<[string, StoredFile]> {
  get(path: string): StoredFile | undefined;
  has(path: string): boolean;
  /** Makes parents, too. */
  set(path: string, file: { content: string | undefined; mode: number; link?: boolean }): void;
  delete(path: string): boolean;
  keys(): IterableIterator<string>;
  readonly size: number;
}

export interface MemoryTree {
  host: Files;
  files: StoredFiles;
}

export function memoryTree(initial: Readonly<Record<string, string>>): MemoryTree {
  const entries = new Map<string, Entry>();
  const files = storedFiles(entries);
  for (const [path, content] of Object.entries(initial)) files.set(path, { content, mode: 0o644 });
  return { host: filesOf(entries), files };
}

let lastSerial = 0;

function made(): Made {
  const now = Date.now();
  return { serial: (lastSerial += 1), mtimeMs: now, ctimeMs: now, uid: 0, gid: 0 };
}

function filesOf(entries: Map<string, Entry>): Files {
  const files: Files = {
    readFile: async (path) => (await files.readBytes(path).then(asBuffer))?.toString('utf8'),
    readBytes: (path) => attempt(() => bytesAt(entries, path)),
    readStream: (path, { start = 0, end = Infinity } = { start: 0 }) =>
      Readable.from(
        (async function* () {
          const bytes = await attempt(() => bytesAt(entries, path));
          if (!bytes) throw errorWithCode('ENOENT', `no such file: ${path}`);
          const wanted = bytes.subarray(start, end === Infinity ? undefined : end + 1);
          for (let at = 0; at < wanted.length; at += 65_536) yield wanted.subarray(at, at + 65_536);
        })(),
        { objectMode: false },
      ),
    writeFile: (path, content, mode) =>
      attempt(() => {
        putFile(entries, path, Buffer.from(content), mode);
      }),
    writeStream: async (path, content, mode, { append = false } = {}) => {
      const chunks: Buffer[] = [];
      const before = append ? await attempt(() => bytesAt(entries, path)) : undefined;
      const store = (): number => {
        const added = Buffer.concat(chunks);
        putFile(entries, path, Buffer.concat([before ?? Buffer.alloc(0), added]), mode);
        return added.length;
      };
      try {
        for await (const chunk of content) chunks.push(Buffer.from(chunk as Uint8Array));
      } catch (error) {
        if (append) store();
        throw error;
      }
      return store();
    },
    put: async (all) => {
      for (const entry of all) await putEntry(files, entry);
    },
    stat: (path, { follow = false } = {}) =>
      attempt(() => infoOf(follow ? entryBehindLinks(entries, path)?.entry : findEntry(entries, path))),
    list: (path) =>
      attempt(() => {
        const found = entryBehindLinks(entries, path);
        if (!found) return [];
        if (found.entry.kind !== 'directory') throw errorWithCode('ENOTDIR', `not a directory: ${path}`);
        return childrenOf(entries, found.path).map((child) => child.slice(child.lastIndexOf('/') + 1));
      }),
    makeDirectory: (path, mode) =>
      attempt(() => {
        makeParents(entries, `${path}/x`);
        const entry = entries.get(path);
        if (entry) entry.mode = mode;
      }),
    remove: (path) =>
      attempt(() => {
        for (const each of treeAt(entries, path)) entries.delete(each);
      }),
    rename: (from, to) =>
      attempt(() => {
        move(entries, from, to);
      }),
    copy: (from, to) =>
      attempt(() => {
        if (!findEntry(entries, from)) throw errorWithCode('ENOENT', `no such file: ${from}`);
        requireParent(entries, to);
        for (const each of treeAt(entries, from)) {
          const entry = entries.get(each);
          if (entry)
            entries.set(to + each.slice(from.length), { ...entry, ...made(), mtimeMs: entry.mtimeMs });
        }
      }),
    link: (target, path) =>
      attempt(() => {
        if (findEntry(entries, path)?.kind === 'directory')
          throw errorWithCode('EISDIR', `a directory: ${path}`);
        makeParents(entries, path);
        entries.set(path, { kind: 'link', target, mode: 0o777, ...made() });
      }),
    linkExclusively: (target, path) =>
      attempt(() => {
        requireParent(entries, path);
        if (findEntry(entries, path)) return false;
        entries.set(path, { kind: 'link', target, mode: 0o777, ...made() });
        return true;
      }),
    readLink: (path) =>
      attempt(() => {
        const entry = findEntry(entries, path);
        return entry?.kind === 'link' ? entry.target : undefined;
      }),
  };
  return files;
}

/** Throws come as rejections, as from a disk. */
function attempt<T>(action: () => T): Promise<T> {
  return new Promise((resolve) => {
    resolve(action());
  });
}

function asBuffer(bytes: Uint8Array | undefined): Buffer | undefined {
  return bytes && Buffer.from(bytes);
}

async function putEntry(files: Files, entry: TreeEntry): Promise<void> {
  if ('content' in entry) await files.writeFile(entry.path, entry.content, entry.mode);
  else if ('link' in entry) await files.link(entry.link, entry.path);
  else await files.makeDirectory(entry.path, entry.mode);
}

function findEntry(entries: ReadonlyMap<string, Entry>, path: string): Entry | undefined {
  if (path === '/') return { kind: 'directory', mode: 0o755, ...made(), serial: 0 };
  return entries.get(path);
}

function infoOf(entry: Entry | undefined): FileInfo | undefined {
  if (!entry) return undefined;
  const { kind, mode, serial, mtimeMs, ctimeMs, uid, gid } = entry;
  const size = kind === 'file' ? entry.bytes.length : kind === 'link' ? entry.target.length : 0;
  return { kind, mode, size, mtimeMs, ctimeMs, state: [serial, size, ctimeMs].join(':'), uid, gid };
}

/** What a path leads to when its last part is a link, or a link to a link. */
function entryBehindLinks(
  entries: ReadonlyMap<string, Entry>,
  path: string,
): { path: string; entry: Entry } | undefined {
  let at = path;
  for (let hops = 0; hops < 40; hops += 1) {
    const entry = findEntry(entries, at);
    if (entry?.kind !== 'link') return entry && { path: at, entry };
    at = entry.target.startsWith('/') ? entry.target : `${dirname(at)}/${entry.target}`;
  }
  throw errorWithCode('ELOOP', `too many links: ${path}`);
}

function bytesAt(entries: ReadonlyMap<string, Entry>, path: string): Buffer | undefined {
  const found = entryBehindLinks(entries, path)?.entry;
  if (found?.kind === 'directory') throw errorWithCode('EISDIR', `a directory: ${path}`);
  return found?.kind === 'file' ? found.bytes : undefined;
}

function putFile(entries: Map<string, Entry>, path: string, bytes: Buffer, mode: number): void {
  if (findEntry(entries, path)?.kind === 'directory') throw errorWithCode('EISDIR', `a directory: ${path}`);
  makeParents(entries, path);
  entries.set(path, { kind: 'file', bytes, mode, ...made() });
}

/** All directories on the way to a path. */
function makeParents(entries: Map<string, Entry>, path: string): void {
  const parent = dirname(path);
  const found = findEntry(entries, parent);
  if (found?.kind === 'directory') return;
  if (found?.kind === 'file') throw errorWithCode('ENOTDIR', `not a directory: ${parent}`);
  if (found) return;
  makeParents(entries, parent);
  entries.set(parent, { kind: 'directory', mode: 0o755, ...made() });
}

function requireParent(entries: ReadonlyMap<string, Entry>, path: string): void {
  if (findEntry(entries, dirname(path)) === undefined) {
    throw errorWithCode('ENOENT', `no such directory: ${dirname(path)}`);
  }
}

function childrenOf(entries: ReadonlyMap<string, Entry>, path: string): string[] {
  return [...entries.keys()].filter((each) => dirname(each) === path).sort();
}

/** A path and all below it. */
function treeAt(entries: ReadonlyMap<string, Entry>, path: string): string[] {
  return [...entries.keys()].filter((each) => each === path || each.startsWith(`${path}/`));
}

function move(entries: Map<string, Entry>, from: string, to: string): void {
  const [source, there] = [findEntry(entries, from), findEntry(entries, to)];
  if (!source) throw errorWithCode('ENOENT', `no such file: ${from}`);
  requireParent(entries, to);
  if (there?.kind === 'directory') {
    if (source.kind !== 'directory') throw errorWithCode('EISDIR', `a directory: ${to}`);
    if (childrenOf(entries, to).length > 0) throw errorWithCode('ENOTEMPTY', `not empty: ${to}`);
  } else if (there && source.kind === 'directory') {
    throw errorWithCode('ENOTDIR', `not a directory: ${to}`);
  }
  for (const each of treeAt(entries, from)) {
    const entry = entries.get(each);
    entries.delete(each);
    if (entry) entries.set(to + each.slice(from.length), entry);
  }
}

function storedFiles(entries: Map<string, Entry>): StoredFiles {
  const read = (entry: Entry | undefined): StoredFile | undefined => {
    if (entry?.kind === 'file') return { content: entry.bytes.toString('utf8'), mode: entry.mode };
    if (entry?.kind === 'link') return { content: entry.target, mode: entry.mode, link: true };
    return undefined;
  };
  const all = function* (): IterableIterator<[string, StoredFile]> {
    for (const [path, entry] of entries) {
      const file = read(entry);
      if (file) yield [path, file];
    }
  };
  return {
    get: (path) => read(entries.get(path)),
    has: (path) => read(entries.get(path)) !== undefined,
    set: (path, { content = '', mode, link = false }) => {
      makeParents(entries, path);
      const about = { mode, ...made() };
      entries.set(
        path,
        link
          ? { kind: 'link', target: content, ...about }
          : { kind: 'file', bytes: Buffer.from(content), ...about },
      );
    },
    delete: (path) => read(entries.get(path)) !== undefined && entries.delete(path),
    keys: function* () {
      for (const [path] of all()) yield path;
    },
    [Symbol.iterator]: all,
    get size() {
      return [...all()].length;
    },
  };
}
