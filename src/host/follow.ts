import { lineSplitter } from './lines.ts';
import type { Host } from './types.ts';

export interface FollowOptions {
  /** Called for each whole line as it comes; the last one may have had no newline. Nothing is kept. */
  onLine: (stream: 'stdout' | 'stderr', line: string) => void;
  /** Ends the program and everything that it started. */
  signal?: AbortSignal;
  /** Milliseconds from SIGTERM to SIGKILL; default 3 s. */
  grace?: number;
}

/**
 * Runs a program of a host without input and hands on its lines, for programs that may run for ever. In a session of
 * its own: Ctrl-C reaches it by `signal` only, and what it started is ended with it, also in other pid namespaces.
 * @returns its exit code; 128 + n after signal n
 * @throws CommandError when it cannot be started
 */
export async function runFollowed(
  host: Host,
  argv: readonly string[],
  { onLine, signal, grace = 3_000 }: FollowOptions,
): Promise<number> {
  const program = await host.spawn(argv);
  program.stdin.end();
  for (const stream of ['stdout', 'stderr'] as const) {
    const lines = lineSplitter((line) => {
      onLine(stream, line);
    });
    program[stream].on('data', lines.push);
    program[stream].on('end', lines.end);
  }
  let killer: NodeJS.Timeout | undefined;
  const stop = (): void => {
    program.kill('SIGTERM');
    killer = setTimeout(() => {
      program.kill('SIGKILL');
    }, grace);
  };
  if (signal?.aborted) stop();
  else signal?.addEventListener('abort', stop, { once: true });
  try {
    return await program.exited;
  } finally {
    clearTimeout(killer);
    signal?.removeEventListener('abort', stop);
  }
}

/**
 * Runs a program of a host with knest's own terminal as its standard streams, as if the user had typed it there.
 * @param options signal: ends it (SIGTERM)
 * @returns its exit code; 128 + n after signal n
 * @throws CommandError when it cannot be started
 */
export async function runAttached(
  host: Host,
  argv: readonly string[],
  options: { env?: Readonly<Record<string, string>>; signal?: AbortSignal } = {},
): Promise<number> {
  const program = await host.spawn(argv, { ...options, stdio: 'inherit' });
  return program.exited;
}
