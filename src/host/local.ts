import { randomBytes } from 'node:crypto';
import { lstat, mkdir, open, chmod, readdir, readFile, rename, rm, symlink, unlink } from 'node:fs/promises';
import { constants } from 'node:os';
import { dirname } from 'node:path';

import spawn, { SubprocessError } from 'nano-spawn';
import type { Subprocess } from 'nano-spawn';

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
export const baseEnvironment = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  HOME: '/root',
  TERM: process.env['TERM'] ?? 'dumb',
  LC_ALL: 'C.UTF-8',
};

/**
 * setpriv(1) --pdeathsig: a program that knest waits for must not outlive a killed knest and go on changing things
 * behind the back of the next one.
 */
export const dieWithKnest = ['setpriv', '--pdeathsig', 'TERM', '--'];

/** Programs that are started often, end within milliseconds and need no such guard. */
const shortLived = new Set(['ip', 'nft', 'sysctl', 'mount', 'umount', 'ln', 'cat', 'stat', 'sh', 'nsenter']);

async function run(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const [program = ''] = argv;
  const [file = '', ...args] = shortLived.has(program) ? argv : [...dieWithKnest, ...argv];
  const timeout = options.timeout === undefined ? undefined : AbortSignal.timeout(options.timeout);
  const signals = [options.signal, timeout].filter((signal) => signal !== undefined);
  const subprocess = spawn(file, args, {
    stdin: { string: options.input ?? '' },
    env: isolated(options.env),
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(signals.length === 0 ? {} : { signal: AbortSignal.any(signals) }),
  });
  const result = await (options.onLine ? followed(subprocess, options.onLine) : outcome(subprocess));
  options.signal?.throwIfAborted();
  const { exitCode, stdout, stderr } = result;
  const cannotRun = file === 'setpriv' && exitCode === 127;
  if (timeout?.aborted === true || exitCode === undefined || cannotRun) {
    const late = `no result after ${(options.timeout ?? 0) / 1000} s`;
    throw new CommandError(
      'localhost',
      argv,
      undefined,
      timeout?.aborted === true ? late : stderr,
      result.cause,
    );
  }
  const okExitCodes = options.okExitCodes ?? [0];
  if (okExitCodes !== 'any' && !okExitCodes.includes(exitCode)) {
    throw new CommandError('localhost', argv, exitCode, stderr === '' ? stdout : stderr);
  }
  return { exitCode, stdout, stderr };
}

/** nano-spawn adds to the environment of this process: what that has is unset, so that only what is given remains. */
function isolated(env: Readonly<Record<string, string>> = {}): Record<string, string | undefined> {
  const unset = Object.fromEntries(Object.keys(process.env).map((name) => [name, undefined]));
  return { ...unset, ...baseEnvironment, ...env };
}

interface Outcome extends Omit<RunResult, 'exitCode'> {
  /** undefined: it could not be started, or a signal ended it. */
  exitCode: number | undefined;
  cause?: unknown;
}

/** An exit code is an answer, not an error. */
async function outcome(subprocess: Subprocess): Promise<Outcome> {
  try {
    const { stdout, stderr } = await subprocess;
    return { exitCode: 0, stdout, stderr };
  } catch (error) {
    if (!(error instanceof SubprocessError)) throw error;
    const stderr = error.exitCode === undefined && error.stderr === '' ? error.message : error.stderr;
    return { exitCode: error.exitCode, stdout: error.stdout, stderr, cause: error };
  }
}

/** nano-spawn keeps no output of a program whose lines are read while it runs: kept here. */
async function followed(subprocess: Subprocess, onLine: (line: string) => void): Promise<Outcome> {
  const read = async (lines: AsyncIterable<string>): Promise<string> => {
    const all: string[] = [];
    try {
      for await (const line of lines) {
        all.push(line);
        onLine(line);
      }
    } catch (error) {
      // at the end of the lines a failure is thrown once more: `outcome` has it
      if (!(error instanceof SubprocessError)) throw error;
    }
    return all.join('\n');
  };
  const [result, stdout, stderr] = await Promise.all([
    outcome(subprocess),
    read(subprocess.stdout),
    read(subprocess.stderr),
  ]);
  return { ...result, stdout, stderr: stderr === '' ? result.stderr : stderr };
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
  try {
    await spawn(file, args, { stdio: 'inherit', env: isolated(env) });
    return 0;
  } catch (error) {
    if (!(error instanceof SubprocessError)) throw error;
    if (error.exitCode !== undefined) return error.exitCode;
    const signal = error.signalName as NodeJS.Signals | undefined;
    if (signal !== undefined) return 128 + constants.signals[signal];
    throw new CommandError('localhost', argv, undefined, error.message, error);
  }
}
