/** The files of the host that knest runs on. */

import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  createReadStream,
  existsSync,
  fchmodSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import {
  chmod,
  lstat,
  open,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  stat as statBehindLinks,
  symlink,
  unlink,
  writeFile,
} from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';

import { codeOf } from './error-codes.ts';
import { run } from './local-processes.ts';
import type { FileInfo, Host, TreeEntry } from './types.ts';

type Files = Omit<Host, 'name' | 'identity' | 'run' | 'spawn' | 'connect' | 'close'>;

export const localFiles: Files = {
  readFile: (path) => orUndefined(isKernels(path) ? readNow(path) : readFile(path, 'utf8')),
  readBytes: (path) => orUndefined(readFile(path)),
  readStream: (path, range) => createReadStream(path, range),
  writeFile: (path, content, mode, { sync = false } = {}) =>
    replaceFile(path, mode, sync, (file) => file.writeFile(content)),
  writeStream: async (path, content, mode, { append = false } = {}) => {
    let bytes = 0;
    // it may break before the file is open: who reads it then still hears of it
    content.on('error', () => undefined);
    const count = async function* (chunks: AsyncIterable<Uint8Array>) {
      for await (const chunk of chunks) {
        bytes += chunk.byteLength;
        yield chunk;
      }
    };
    const fill = (file: FileHandle): Promise<void> => writeFile(file, count(content));
    try {
      await (append ? appendTo(path, mode, fill) : replaceFile(path, mode, false, fill));
    } catch (error) {
      // also when it was not even begun: who fills the stream waits for it
      content.destroy();
      throw error;
    }
    return bytes;
  },
  put: (entries) =>
    settled(() => {
      putNow(entries);
    }),
  stat,
  list: async (path) => ((await orUndefined(readdir(path))) ?? []).sort(),
  makeDirectory: async (path, mode) => {
    await makeFolders(path);
    await chmod(path, mode);
  },
  remove: removeTree,
  rename,
  copy: async (from, to) => {
    await run(['cp', '--archive', '--reflink=auto', '--no-target-directory', '--', from, to]);
  },
  link: linkAtomically,
  linkExclusively: async (target, path) => {
    try {
      await symlink(target, path);
      return true;
    } catch (error) {
      if (codeOf(error) === 'EEXIST') return false;
      throw error;
    }
  },
  readLink: async (path) => {
    try {
      return await orUndefined(readlink(path));
    } catch (error) {
      // it is no link
      if (codeOf(error) === 'EINVAL') return undefined;
      throw error;
    }
  },
};

/**
 * A folder with its parents, those that are new with mode 0755 whatever the umask. Not below /proc, where the kernel
 * refuses a new folder as if its parent were missing, and Node, asked for parents as well, tries for ever.
 *
 * At once: somebody else in this process may want another mode for one of them, which must not come in between.
 */
function makeFoldersNow(path: string): void {
  if (isKernels(path)) {
    if (!existsSync(path)) mkdirSync(path);
    return;
  }
  const first = mkdirSync(path, { recursive: true, mode: 0o755 });
  if (first === undefined) return;
  // what the umask has taken away
  const above = dirname(first);
  for (let made = resolve(path); made !== above; made = dirname(made)) chmodSync(made, 0o755);
}

function makeFolders(path: string): Promise<void> {
  return settled(() => {
    makeFoldersNow(path);
  });
}

/** Answered by the kernel at once and without a disk: four hand-overs to other threads cost more than the answer. */
function isKernels(path: string): boolean {
  return path.startsWith('/proc/') || path.startsWith('/sys/');
}

function readNow(path: string): Promise<string> {
  return settled(() => readFileSync(path, 'utf8'));
}

/** What it throws, the promise is rejected with. */
function settled<T>(work: () => T): Promise<T> {
  return new Promise((resolve) => {
    resolve(work());
  });
}

/**
 * Many small files at once: about 10 ms for a hundred, and several times that when each step of each file is handed over
 * to another thread. In their order: a directory's mode counts before what is put into it.
 */
function putNow(entries: readonly TreeEntry[]): void {
  const made = new Set<string>();
  const makeFolder = (path: string): void => {
    if (made.has(path)) return;
    if (!isKernels(path)) makeFoldersNow(path);
    made.add(path);
  };
  for (const entry of entries) {
    if ('directory' in entry) {
      makeFolder(entry.path);
      chmodSync(entry.path, entry.mode);
      continue;
    }
    makeFolder(dirname(entry.path));
    const temporary = temporaryName(entry.path);
    try {
      if ('link' in entry) symlinkSync(entry.link, temporary);
      else writeNow(temporary, entry.content, entry.mode);
      renameSync(temporary, entry.path);
    } catch (error) {
      rmSync(temporary, { force: true });
      throw error;
    }
  }
}

/** Created with its final mode: a secret is never readable by others, not even for a moment. */
function writeNow(path: string, content: string | Uint8Array, mode: number): void {
  const file = openSync(path, 'wx', mode);
  try {
    writeFileSync(file, content);
    // what the umask has taken away
    fchmodSync(file, mode);
  } finally {
    closeSync(file);
  }
}

async function replaceFile(
  path: string,
  mode: number,
  sync: boolean,
  fill: (file: FileHandle) => Promise<void>,
): Promise<void> {
  await makeFolders(dirname(path));
  const temporary = temporaryName(path);
  try {
    // created with its final mode: a secret is never readable by others, not even for a moment
    const file = await open(temporary, 'wx', mode);
    try {
      await fill(file);
      await file.chmod(mode);
      if (sync) await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  if (sync) await syncDirectory(dirname(path));
}

/** The new name is an entry of the directory, which is written to the disk on its own. */
async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

async function appendTo(
  path: string,
  mode: number,
  fill: (file: FileHandle) => Promise<void>,
): Promise<void> {
  await makeFolders(dirname(path));
  const file = await open(path, 'a', mode);
  try {
    await file.chmod(mode);
    await fill(file);
  } finally {
    await file.close();
  }
}

async function linkAtomically(target: string, path: string): Promise<void> {
  await makeFolders(dirname(path));
  const temporary = temporaryName(path);
  await symlink(target, temporary);
  try {
    await rename(temporary, path);
  } catch (error) {
    await unlink(temporary);
    throw error;
  }
}

async function stat(path: string, { follow = false } = {}): Promise<FileInfo | undefined> {
  const found = await orUndefined((follow ? statBehindLinks : lstat)(path, { bigint: true }));
  if (!found) return undefined;
  const kind = found.isFile()
    ? 'file'
    : found.isDirectory()
      ? 'directory'
      : found.isSymbolicLink()
        ? 'link'
        : 'other';
  const { dev, ino, size, mtimeNs, ctimeNs } = found;
  return {
    kind,
    mode: Number(found.mode) & 0o7777,
    size: Number(size),
    mtimeMs: Number(mtimeNs) / 1e6,
    ctimeMs: Number(ctimeNs) / 1e6,
    state: [dev, ino, size, mtimeNs, ctimeNs].join(':'),
    uid: Number(found.uid),
    gid: Number(found.gid),
  };
}

/** rm(1) rather than Node's: --one-file-system refuses to walk into a mount that should have been unmounted. */
async function removeTree(path: string): Promise<void> {
  const found = await stat(path);
  if (!found) return;
  if (found.kind === 'directory') await run(['rm', '-rf', '--one-file-system', '--', path]);
  else await rm(path, { force: true });
}

function temporaryName(path: string): string {
  return `${path}.${process.pid}-${randomBytes(4).toString('hex')}.tmp`;
}

async function orUndefined<T>(promise: Promise<T>): Promise<T | undefined> {
  try {
    return await promise;
  } catch (error) {
    const code = codeOf(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
}
