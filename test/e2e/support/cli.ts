/** The built command line, run as a user runs it: a process of its own, its streams and its exit code. */

import { fileURLToPath } from 'node:url';

import { execa } from 'execa';

export const mainFile = fileURLToPath(new URL('../../../dist/bundle/cli/main.js', import.meta.url));

export interface Outcome {
  exitCode: number;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  /** Added to the test's own environment. */
  env?: Readonly<Record<string, string>>;
  /** Standard input; empty without it. */
  input?: string;
  /** Where the user is. */
  cwd?: string;
  /** What is to happen while it runs, told of every line on stderr. */
  onLine?: (line: string, kill: (signal: NodeJS.Signals) => void) => void;
  /** Called once it has been started. */
  onStart?: (kill: (signal: NodeJS.Signals) => void) => void;
  /** A program (with arguments) that runs knest: setpriv(1). */
  through?: readonly string[];
  /** Milliseconds after which the test gives up on it. Default 5 minutes. */
  timeout?: number;
}

/** Runs `knest ARGS`. A process that a signal ended has exit code 128 + its number. Nothing is thrown. */
export async function knest(args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  return run([process.execPath, mainFile, ...args], options);
}

/** The same for any program. */
export async function run(argv: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  const { env, input, cwd, onLine, onStart, through = [], timeout = 5 * 60_000 } = options;
  const [file = '', ...args] = [...through, ...argv];
  const subprocess = execa(file, args, {
    reject: false,
    env: { NO_COLOR: '1', ...env },
    ...(cwd === undefined ? {} : { cwd }),
    timeout,
    forceKillAfterDelay: 20_000,
    ...(input === undefined ? { stdin: 'ignore' } : { input }),
    buffer: true,
    maxBuffer: 64 * 1024 * 1024,
  });
  const kill = (signal: NodeJS.Signals) => {
    subprocess.kill(signal);
  };
  onStart?.(kill);
  if (onLine) {
    let rest = '';
    subprocess.stderr.on('data', (chunk: Buffer) => {
      const lines = (rest + chunk.toString()).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) onLine(line, kill);
    });
  }
  const result = await subprocess;
  if (result.timedOut)
    throw new Error(`${argv.join(' ')}: not done after ${timeout / 1000} s\n${result.stderr}`);
  const { exitCode, stdout, stderr } = result;
  return {
    exitCode: exitCode ?? 128 + signalNumber(result.signal),
    stdout,
    stderr: stderr || (result.originalMessage ?? ''),
  };
}

/** Runs a program that must succeed; gives what it printed. */
export async function must(argv: readonly string[], options: RunOptions = {}): Promise<string> {
  return succeeded(argv, await run(argv, options)).stdout;
}

/** The outcome, when it is one of success. @throws Error with all that was printed */
export function succeeded(argv: readonly string[], outcome: Outcome): Outcome {
  if (outcome.exitCode === 0) return outcome;
  throw new Error(`${argv.join(' ')} exited ${outcome.exitCode}\n${outcome.stderr}\n${outcome.stdout}`);
}

function signalNumber(signal: string | undefined): number {
  return { SIGINT: 2, SIGKILL: 9, SIGTERM: 15 }[signal ?? ''] ?? 0;
}
