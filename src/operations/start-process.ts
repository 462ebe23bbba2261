import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import type { Readable, Writable } from 'node:stream';

import { CommandError } from '../errors.ts';
import { baseEnvironment, dieWithKnest } from '../host/local.ts';
import type { Host } from '../host/types.ts';

/** A program that runs. It is ended with everything that it started when this process dies. */
export interface RunningProcess {
  /** Its number on its host. */
  readonly pid: number;
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Exit code once it has ended and its output has been delivered; 128 + n after signal n. */
  readonly exited: Promise<number>;
  /** Sends a signal to the program and to what it started. One that has ended is no error. */
  kill(signal: NodeJS.Signals): void;
}

/** Milliseconds from SIGTERM to SIGKILL when a signal aborts. */
const grace = 3_000;

/**
 * Starts a program on the host and hands out its streams. In a session of its own: Ctrl-C does not reach it.
 * @throws CommandError when it cannot be started
 */
export async function startProcess(
  host: Host,
  argv: readonly string[],
  { env, signal }: { env?: Readonly<Record<string, string>>; signal?: AbortSignal } = {},
): Promise<RunningProcess> {
  signal?.throwIfAborted();
  const [file = '', ...args] = [...dieWithKnest, ...argv];
  const child = spawn(file, args, { env: { ...baseEnvironment, ...env }, detached: true });
  // "close" comes when its output has ended, too: nothing is lost
  const exited = new Promise<number>((resolve) => {
    child.on('close', (code, name) => {
      resolve(code ?? 128 + (name === null ? 0 : constants.signals[name]));
    });
  });
  try {
    await once(child, 'spawn');
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new CommandError(host.name, argv, undefined, why, cause);
  }
  const kill = (name: NodeJS.Signals): void => {
    endGroup(child, name);
  };
  endWithSignal(exited, kill, signal);
  const { pid = 0, stdin, stdout, stderr } = child;
  return { pid, stdin, stdout, stderr, exited, kill };
}

function endWithSignal(
  exited: Promise<number>,
  kill: RunningProcess['kill'],
  signal: AbortSignal | undefined,
): void {
  if (!signal) return;
  let killer: NodeJS.Timeout | undefined;
  const stop = (): void => {
    kill('SIGTERM');
    killer = setTimeout(kill, grace, 'SIGKILL');
  };
  if (signal.aborted) stop();
  else signal.addEventListener('abort', stop, { once: true });
  void exited.finally(() => {
    clearTimeout(killer);
    signal.removeEventListener('abort', stop);
  });
}

function endGroup({ pid }: ChildProcess, name: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, name);
  } catch {
    // it has ended
  }
}
