/** knest exec */

import type { Command } from 'commander';
import { withProgress, type Cli } from '../cli.ts';
import { namesOf, readSelection, selectionOptions, type SelectionFlags } from '../node-options.ts';
import { inSeveralNodes } from '../several-nodes.ts';

interface Flags extends SelectionFlags {
  tty?: boolean;
}

export function addExec(parent: Command, cli: Cli): void {
  const command = parent
    .command('exec')
    .description('run a command in a node, or in several side by side, and exit with its exit code')
    .usage(
      '[options] <node>[,<node>...] -- <command...>\n       knest exec [options] --all|--role <role> -- <command...>',
    )
    .argument('[node]', 'name of the node, or several separated by commas; none with --all and --role')
    .argument('[command...]', 'the command and its arguments, after "--"')
    .option('-t, --tty', 'give it a terminal (default: when stdin and stdout are one); for a single node')
    .option('--no-tty', 'give it no terminal');
  selectionOptions(command)
    .addHelpText(
      'after',
      [
        '',
        'A single node gets stdin, stdout and stderr as they are. With several, or with --all or --role, the command has',
        'no stdin; whole lines are printed as they come, with the node they come from. The exit code is 0 when it is 0',
        'in all nodes, else the highest one; a node that does not run counts as 1.',
      ].join('\n'),
    )
    .showHelpAfterError('Put "--" before the command: knest exec NODE -- COMMAND')
    .action((node: string | undefined, argv: string[], flags: Flags, self: Command) =>
      exec(cli, node, argv, flags, self),
    );
}

async function exec(
  cli: Cli,
  word: string | undefined,
  rest: string[],
  flags: Flags,
  command: Command,
): Promise<void> {
  const selection = readSelection(word, flags, command);
  const byCluster = flags.all !== undefined || flags.role !== undefined;
  const argv = byCluster && word !== undefined ? [word, ...rest] : rest;
  if (argv.length === 0) command.error("error: missing required argument 'command'");
  if ('single' in selection) {
    await execAttached(cli, selection.single, argv, flags, command);
    return;
  }
  if (flags.tty) command.error('error: --tty is for a single node');
  const api = await cli.api();
  const nodes = await withProgress(cli, command, ({ context }) => namesOf(selection.nodes, api, context));
  cli.exitCode = await inSeveralNodes(cli, nodes, flags.prefix ?? true, (options) =>
    api.execInNodes({ ...options, nodes, argv }),
  );
}

async function execAttached(
  cli: Cli,
  node: string,
  argv: string[],
  flags: Flags,
  command: Command,
): Promise<void> {
  const api = await cli.api();
  const { stdinIsTTY, stdout } = cli.terminal;
  const tty = flags.tty ?? (stdinIsTTY && stdout.isTTY);
  cli.interruption.leaveToChild();
  cli.exitCode = await withProgress(
    cli,
    command,
    ({ context }) => api.execInNode({ ...context, node, argv, tty }),
    { ownsTerminal: false },
  );
}
