/** What the generated pages read off the command tree. */

import type { Command, Option } from 'commander';

import type { Cli } from '../src/cli/cli.ts';
import { buildProgram } from '../src/cli/program.ts';

export function commandTree(): Command {
  return buildProgram(cliForReading());
}

/** The commands that do something, in the order of the help. */
export function leavesOf(command: Command): Command[] {
  const visible = command.createHelp().visibleCommands(command);
  const real = visible.filter((one) => one.name() !== 'help');
  return real.flatMap((one) => (one.commands.length === 0 ? [one] : leavesOf(one)));
}

/** "knest create cluster". */
export function nameOf(command: Command): string {
  return command.parent ? `${nameOf(command.parent)} ${command.name()}` : command.name();
}

/** The description with choices, default and environment variable, as --help gives them. */
export function describeOption({
  description,
  argChoices,
  defaultValue,
  defaultValueDescription,
  envVar,
}: Option): string {
  const shown =
    defaultValueDescription ?? (typeof defaultValue === 'string' ? `"${defaultValue}"` : undefined);
  const extra = [
    ...(argChoices === undefined ? [] : [`one of ${argChoices.join(', ')}`]),
    ...(shown === undefined ? [] : [`default: ${shown}`]),
    ...(envVar === undefined ? [] : [`environment: ${envVar}`]),
  ];
  return extra.length === 0 ? description : `${description} (${extra.join('; ')})`;
}

export function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

/** The command tree is only read, never run: what it would run with is never looked at. */
function cliForReading(): Cli {
  const silent = { write: () => undefined, isTTY: false, columns: 80, rows: 24, stream: process.stdout };
  return {
    terminal: {
      stdout: silent,
      stderr: silent,
      env: {},
      stdinIsTTY: false,
      readStdin: () => Promise.resolve(''),
      onKeys: () => () => undefined,
    },
    api: () => Promise.reject(new Error('reading the command tree runs no commands')),
    interruption: {
      signal: new AbortController().signal,
      exitCode: () => undefined,
      leaveToChild: () => undefined,
      dispose: () => undefined,
    },
    exitCode: 0,
  };
}
