import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { constants } from 'node:os';
import type { Readable } from 'node:stream';

import { CommandError } from '../errors.ts';
import { baseEnvironment, dieWithKnest } from './local.ts';

export interface FollowOptions {
  /** Called for each whole line as it comes; the last one may have had no newline. Nothing is kept. */
  onLine: (stream: 'stdout' | 'stderr', line: string) => void;
  /** Ends the program and everything that it started. */
  signal?: AbortSignal;
  /** Milliseconds from SIGTERM to SIGKILL; default 3 s. */
  grace?: number;
}

/**
 * Runs a program of this host without input and hands on its lines, for programs that may run for ever. In a session of
 * its own: Ctrl-C reaches it by `signal` only, and what it started is ended with it, also in other pid namespaces.
 * @returns its exit code; 128 + n after signal n
 * @throws CommandError when it cannot be started
 */
export async function runFollowed(
  argv: readonly string[],
  { onLine, signal, grace = 3_000 }: FollowOptions,
): Promise<number> {
  const [file = '', ...args] = [...dieWithKnest, ...argv];
  const child = spawn(file, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: baseEnvironment,
    detached: true,
  });
  const ended = new Promise<number>((resolve, reject) => {
    child.on('error', (cause) => {
      reject(new CommandError('localhost', argv, undefined, cause.message, cause));
    });
    // "close" comes when its output has ended, too: nothing is lost
    child.on('close', (code, name) => {
      resolve(code ?? 128 + (name === null ? 0 : constants.signals[name]));
    });
  });
  splitLines(child.stdout, (line) => {
    onLine('stdout', line);
  });
  splitLines(child.stderr, (line) => {
    onLine('stderr', line);
  });
  let killer: NodeJS.Timeout | undefined;
  const stop = (): void => {
    endGroup(child, 'SIGTERM');
    killer = setTimeout(() => {
      endGroup(child, 'SIGKILL');
    }, grace);
  };
  if (signal?.aborted) stop();
  else signal?.addEventListener('abort', stop, { once: true });
  try {
    return await ended;
  } finally {
    clearTimeout(killer);
    signal?.removeEventListener('abort', stop);
  }
}

function endGroup({ pid }: ChildProcess, name: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, name);
  } catch {
    // it has ended
  }
}

/** Whole lines only; characters of several bytes that come in two pieces stay whole. */
function splitLines(stream: Readable, onLine: (line: string) => void): void {
  let rest = '';
  stream.setEncoding('utf8');
  stream.on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) onLine(line);
  });
  stream.on('end', () => {
    if (rest !== '') onLine(rest);
  });
}
