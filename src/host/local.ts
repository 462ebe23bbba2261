import { randomBytes } from 'node:crypto';
import { lstat, mkdir, open, chmod, readdir, readFile, rename, rm, symlink, unlink } from 'node:fs/promises';
import { constants } from 'node:os';
import { dirname } from 'node:path';

import { execa } from 'execa';

import { CommandError } from '../errors.ts';
import type { FileInfo, Host, RunOptions, RunResult } from './types.ts';

/** The host that knest itself runs on. */
export function localHost(): Host {
  return {
    name: 'localhost',
    run,
    readFile: (path) => orUndefined(readFile(path, 'utf8')),
    writeFile: writeFileAtomically,
    stat,
    list: async (path) => ((await orUndefined(readdir(path))) ?? []).sort(),
    makeDirectory: async (path, mode) => {
      await mkdir(path, { recursive: true });
      await chmod(path, mode);
    },
    remove: removeTree,
    rename,
    link: linkAtomically,
  };
}

/**
 * What every program gets, so that results don't depend on the user's shell. /usr/sbin and /sbin are not on
 * every root's PATH.
 */
const baseEnvironment = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  HOME: '/root',
  TERM: process.env['TERM'] ?? 'dumb',
  LC_ALL: 'C.UTF-8',
};

/**
 * setpriv(1) --pdeathsig: a program that knest waits for must not outlive a killed knest and go on changing things
 * behind the back of the next one.
 */
const dieWithKnest = ['setpriv', '--pdeathsig', 'TERM', '--'];

/** Programs that are started often, end within milliseconds and need no such guard. */
const shortLived = new Set(['ip', 'nft', 'sysctl', 'mount', 'umount', 'ln', 'cat', 'stat', 'sh', 'nsenter']);

async function run(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const [program = ''] = argv;
  const [file = '', ...args] = shortLived.has(program) ? argv : [...dieWithKnest, ...argv];
  const subprocess = execa(file, args, {
    reject: false,
    stdin: options.input === undefined ? 'ignore' : 'pipe',
    ...(options.input === undefined ? {} : { input: options.input }),
    env: { ...baseEnvironment, ...options.env },
    extendEnv: false,
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.timeout === undefined ? {} : { timeout: options.timeout }),
    ...(options.signal === undefined ? {} : { cancelSignal: options.signal }),
    stripFinalNewline: false,
    all: options.onLine !== undefined,
    maxBuffer: 64 * 1024 * 1024,
  });
  if (options.onLine) {
    const { onLine } = options;
    // an unexpected exit code is judged below, from the result
    for await (const line of linesOf(subprocess.iterable({ from: 'all' }))) onLine(line);
  }
  const result = await subprocess;
  options.signal?.throwIfAborted();
  const exitCode = result.exitCode;
  const okExitCodes = options.okExitCodes ?? [0];
  const notFound = result.failed && exitCode === undefined;
  const setprivFailed = exitCode === 127 && file === 'setpriv';
  if (notFound || setprivFailed || result.timedOut || exitCode === undefined) {
    const why = result.timedOut ? `no result after ${(options.timeout ?? 0) / 1000} s` : problemOf(result);
    throw new CommandError('localhost', argv, undefined, why, result.cause);
  }
  if (okExitCodes !== 'any' && !okExitCodes.includes(exitCode)) {
    throw new CommandError('localhost', argv, exitCode, result.stderr || result.stdout);
  }
  return { exitCode, stdout: result.stdout, stderr: result.stderr };
}

function problemOf(result: { stderr?: string | undefined; shortMessage?: string | undefined }): string {
  return result.stderr || (result.shortMessage ?? '');
}

async function* linesOf(lines: AsyncIterable<unknown>): AsyncGenerator<string> {
  try {
    for await (const line of lines) yield String(line);
  } catch {
    // execa throws at the end of the lines when the program failed; the awaited result tells more
  }
}

async function writeFileAtomically(path: string, content: string | Uint8Array, mode: number): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const temporary = temporaryName(path);
  try {
    // created with its final mode: a secret is never readable by others, not even for a moment
    const file = await open(temporary, 'wx', mode);
    try {
      await file.writeFile(content);
      await file.chmod(mode);
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

async function linkAtomically(target: string, path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const temporary = temporaryName(path);
  await symlink(target, temporary);
  try {
    await rename(temporary, path);
  } catch (error) {
    await unlink(temporary);
    throw error;
  }
}

async function stat(path: string): Promise<FileInfo | undefined> {
  const found = await orUndefined(lstat(path));
  if (!found) return undefined;
  const kind = found.isFile()
    ? 'file'
    : found.isDirectory()
      ? 'directory'
      : found.isSymbolicLink()
        ? 'link'
        : 'other';
  return { kind, mode: found.mode & 0o7777, size: found.size };
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
    if (isMissing(error)) return undefined;
    throw error;
  }
}

function isMissing(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'ENOENT' || code === 'ENOTDIR';
}

/** Runs a program with knest's own terminal as its standard streams. Gives its exit code; 128 + n after signal n. */
export async function runAttached(
  argv: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<number> {
  const [file = '', ...args] = argv;
  const result = await execa(file, args, {
    stdio: 'inherit',
    reject: false,
    env: { ...baseEnvironment, ...env },
    extendEnv: false,
  });
  if (result.exitCode !== undefined) return result.exitCode;
  if (result.signal !== undefined) return 128 + constants.signals[result.signal];
  throw new CommandError('localhost', argv, undefined, problemOf(result), result.cause);
}
