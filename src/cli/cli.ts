/** What every command is given: streams, the library, the exit code to leave with. */

import type { Command } from 'commander';
import type * as api from '../api/commands.ts';
import type { Context } from '../api/commands.ts';
import type { Interruption } from './interruption.ts';
import { openReporter, type ProgressMode } from './output/open-reporter.ts';
import type { Terminal } from './terminal.ts';

export type Api = typeof api;

export interface Cli {
  terminal: Terminal;
  /** The library, loaded when a command first needs it: `knest version` must not wait for it. */
  api: () => Promise<Api>;
  interruption: Interruption;
  /** Set by commands that end with the exit code of another program, or that found something wrong. */
  exitCode: number;
}

export interface GlobalFlags {
  quiet?: true;
  progress: ProgressMode;
  debug?: true;
  /** kind's -v: 1 and more are --debug. */
  verbosity?: number;
}

/** A run under way: what the library reports to, and a way to speak to the user. */
export interface Story {
  context: Required<Pick<Context, 'listener' | 'signal'>>;
  say: (text: string) => void;
}

/**
 * Does some work while its story is told on stderr; results belong on stdout after it.
 * @param changes whether it makes something that an interruption has to wait for
 * @param ownsTerminal false: a program that it starts has the terminal
 */
export async function withProgress<T>(
  cli: Cli,
  command: Command,
  work: (story: Story) => Promise<T>,
  { changes = true, ownsTerminal = true }: { changes?: boolean; ownsTerminal?: boolean } = {},
): Promise<T> {
  const { progress, quiet } = command.optsWithGlobals<GlobalFlags>();
  const reporter = await openReporter(
    cli.terminal,
    progress,
    quiet ?? false,
    ownsTerminal ? fullName(command) : undefined,
  );
  const { signal } = changes ? cli.interruption : new AbortController();
  const onAbort = () => {
    const message = 'Interrupted: stopping and cleaning up. Interrupt again to leave everything as it is.';
    reporter.listener({ type: 'note', level: 'warning', message });
  };
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await work({ context: { listener: reporter.listener, signal }, say: reporter.say });
  } finally {
    signal.removeEventListener('abort', onAbort);
    reporter.close();
  }
}

/** "knest create cluster" */
function fullName(command: Command): string {
  const name = command.name();
  return command.parent === null ? name : `${fullName(command.parent)} ${name}`;
}
