/** The programs of the host that knest runs on. */

import { spawn as startChild } from 'node:child_process';
import type { ChildProcess, ChildProcessByStdio } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { access, constants as fileConstants, stat } from 'node:fs/promises';
import { constants } from 'node:os';
import { PassThrough, Readable } from 'node:stream';
import type { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

import { CommandError, KnestError } from '../errors.ts';
import { codeOf } from './error-codes.ts';
import { lineSplitter } from './lines.ts';
import type { HostProcess, RunOptions, RunResult, SpawnOptions } from './types.ts';

const name = 'localhost';

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

/** The umask that programs get: what they make has the modes that it has everywhere. */
const usualUmask = 0o022;

/**
 * A command that does not outlive a killed knest: it would go on changing things behind the back of the next one.
 * setpriv(1) asks the kernel for a signal when knest ends. Where knest has ended before setpriv could ask, no signal will
 * come: the shell sees that it has another parent. It leaves the environment as it is.
 *
 * With the usual umask, if it is to have that. Node cannot start a program with another umask than its own, and that is the
 * user's (as in every program that has knest as a library).
 */
function guard(argv: readonly string[], { umask }: { umask: boolean }): readonly string[] {
  const steps = [
    '[ "$PPID" = "$0" ] || exit',
    ...(umask ? ['umask 022'] : []),
    'unset PWD OLDPWD SHLVL',
    'exec "$@"',
  ];
  return [
    ...['setpriv', '--pdeathsig', 'TERM', '--'],
    'sh',
    '-c',
    steps.join('; '),
    String(process.pid),
    ...argv,
  ];
}

/** From the kernel: process.umask() sets it to find out, for all threads. */
function hasUsualUmask(): boolean {
  const [, umask = ''] = /^Umask:\s*(\d+)$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
  return Number.parseInt(umask, 8) === usualUmask;
}

/** Programs that are started often, end within milliseconds and need no such guard. */
const shortLived = new Set([
  ...['ip', 'nft', 'sysctl', 'mount', 'umount', 'ln', 'cat', 'stat', 'sh', 'nsenter'],
  ...['tee', 'test', 'rmdir', 'setsid'],
]);

/** Whatever asks for a program's version is short-lived as well. */
function isShort([program = '', ...args]: readonly string[]): boolean {
  return shortLived.has(program) || (args.length === 1 && args[0] === '--version');
}

/** See Host.run. */
export async function run(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const { signal, timeout, okExitCodes = [0] } = options;
  signal?.throwIfAborted();
  const [program = ''] = argv;
  const usual = hasUsualUmask();
  const guarded = !isShort(argv) || !usual;
  // setpriv tells more clearly than a shell what could not be started
  const [file = '', ...args] = guarded ? guard(['setpriv', '--', ...argv], { umask: !usual }) : argv;
  const child = startChild(file, args, {
    env: { ...baseEnvironment, ...options.env },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
  }) as ChildProcessByStdio<Writable | null, Readable, Readable>;
  if (child.stdin) giveInput(child.stdin, options.input);
  const stdout = collect(child.stdout, options.onLine);
  const stderr = collect(child.stderr, options.onLine);
  const { exitCode, signalName } = await endOf(child, argv, stderr, { signal, timeout, cwd: options.cwd });
  if (exitCode === undefined) {
    throw new CommandError(name, argv, { reason: 'signal', signal: signalName }, stderr());
  }
  if (guarded && exitCode === 127 && stderr().startsWith(`setpriv: failed to execute ${program}:`)) {
    throw new CommandError(name, argv, { reason: 'notFound' }, stderr());
  }
  const result = { exitCode, stdout: stdout(), stderr: stderr() };
  if (okExitCodes !== 'any' && !okExitCodes.includes(exitCode)) {
    throw new CommandError(name, argv, exitCode, result.stderr === '' ? result.stdout : result.stderr);
  }
  return result;
}

/** See Host.spawn. In a session of its own, so that a signal reaches all that it has started. */
export async function spawn(argv: readonly string[], options: SpawnOptions = {}): Promise<HostProcess> {
  const { signal, stdio = 'pipe' } = options;
  signal?.throwIfAborted();
  const env = { ...baseEnvironment, ...options.env };
  // with setpriv in front, a program that is not there would look like one that has ended at once
  if (!(await isProgram(argv[0] ?? '', env.PATH))) {
    throw new CommandError(name, argv, { reason: 'notFound' }, '');
  }
  const [file = '', ...args] = guard(argv, { umask: stdio === 'pipe' && !hasUsualUmask() });
  // what shares the terminal must be in its foreground process group
  const detached = stdio === 'pipe';
  const child = startChild(file, args, {
    env,
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    stdio,
    detached,
  });
  const exited = exitOf(child);
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', (cause) => {
      reject(cannotStart(argv, cause));
    });
  });
  const pid = child.pid ?? 0;
  const kill = (signalName: NodeJS.Signals): void => {
    if (child.exitCode !== null || child.signalCode !== null) {
      // it has ended; what it has started may be there still
      if (!detached) return;
    }
    try {
      process.kill(detached ? -pid : pid, signalName);
    } catch (error) {
      if (codeOf(error) !== 'ESRCH') throw error;
    }
  };
  const onAbort = (): void => {
    kill('SIGTERM');
  };
  signal?.addEventListener('abort', onAbort, { once: true });
  void exited.then(() => signal?.removeEventListener('abort', onAbort));
  child.stdin?.on('error', () => undefined);
  return {
    pid,
    stdin: child.stdin ?? ended(),
    stdout: child.stdout ?? Readable.from([]),
    stderr: child.stderr ?? Readable.from([]),
    exited,
    kill,
  };
}

function ended(): Writable {
  return new PassThrough().end();
}

/** "close" comes when its output has ended, too: nothing is lost. */
function exitOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve) => {
    child.on('close', (code, signalName) => {
      resolve(code ?? 128 + (signalName === null ? 0 : constants.signals[signalName]));
    });
  });
}

/** A program that ends without having read all of it is no failure. */
function giveInput(stdin: Writable, input: RunOptions['input'] = ''): void {
  if (input instanceof Readable) {
    pipeline(input, stdin).catch(() => undefined);
    return;
  }
  stdin.on('error', () => undefined);
  stdin.end(input);
}

/** Gathers a stream. @returns its text so far, without the newline at its end */
function collect(stream: Readable, onLine: ((line: string) => void) | undefined): () => string {
  const chunks: Buffer[] = [];
  const lines = onLine && lineSplitter(onLine);
  stream.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    lines?.push(chunk);
  });
  stream.on('end', () => lines?.end());
  return () =>
    Buffer.concat(chunks)
      .toString('utf8')
      .replace(/\r?\n$/, '');
}

interface Limits {
  signal: AbortSignal | undefined;
  timeout: number | undefined;
  cwd: string | undefined;
}

type End = { exitCode: number; signalName?: never } | { exitCode?: never; signalName: string };

/** How a program ends. @throws CommandError when it does not start or takes too long; the signal's reason */
function endOf(
  child: ChildProcess,
  argv: readonly string[],
  stderr: () => string,
  { signal, timeout, cwd }: Limits,
): Promise<End> {
  return new Promise((resolve, reject) => {
    let timer: NodeJS.Timeout | undefined;
    const settle = (action: () => void): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      action();
    };
    const stop = (reason: unknown): void => {
      child.kill('SIGTERM');
      settle(() => {
        // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- as AbortSignal.throwIfAborted
        reject(reason);
      });
    };
    const onAbort = (): void => {
      stop(signal?.reason);
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    if (timeout !== undefined) {
      timer = setTimeout(() => {
        stop(new CommandError(name, argv, { reason: 'timeout', timeout }, stderr()));
      }, timeout);
    }
    child.on('close', (code, signalName) => {
      settle(() => {
        resolve(code === null ? { signalName: signalName ?? 'a signal' } : { exitCode: code });
      });
    });
    child.on('error', (cause) => {
      settle(() => {
        void explainStart(argv, cause, cwd).then(reject);
      });
    });
  });
}

async function explainStart(
  argv: readonly string[],
  cause: Error,
  cwd: string | undefined,
): Promise<KnestError> {
  if (cwd !== undefined && (await stat(cwd).catch(() => undefined)) === undefined) {
    return new KnestError(`there is no folder ${cwd} on ${name}`, { code: 'FILE_UNUSABLE', cause });
  }
  return cannotStart(argv, cause);
}

/** 126 is what shells give for a program that is there and cannot be run. */
function cannotStart(argv: readonly string[], cause: Error): CommandError {
  const missing = codeOf(cause) === 'ENOENT';
  return new CommandError(name, argv, missing ? { reason: 'notFound' } : 126, cause.message, cause);
}

async function isProgram(program: string, path: string): Promise<boolean> {
  const places = program.includes('/')
    ? [program]
    : path.split(':').map((folder) => `${folder || '.'}/${program}`);
  for (const place of places) {
    const usable = await access(place, fileConstants.X_OK).then(
      () => true,
      () => false,
    );
    if (usable) return true;
  }
  return false;
}
