/** knest exec */

import type { Command } from 'commander';
import { withStory, type Cli } from '../cli.ts';

interface Flags {
  tty?: boolean;
}

export function addExec(parent: Command, cli: Cli): void {
  parent
    .command('exec')
    .description('run a command in a node and exit with its exit code')
    .usage('[options] <node> -- <command...>')
    .argument('<node>', 'name of the node')
    .argument('<command...>', 'the command and its arguments, after "--"')
    .option('-t, --tty', 'give it a terminal (default: when stdin and stdout are one)')
    .option('--no-tty', 'give it no terminal')
    .showHelpAfterError('Put "--" before the command: knest exec NODE -- COMMAND')
    .action((node: string, argv: string[], flags: Flags, self: Command) =>
      exec(cli, node, argv, flags, self),
    );
}

async function exec(cli: Cli, node: string, argv: string[], flags: Flags, command: Command): Promise<void> {
  const api = await cli.api();
  const { stdinIsTTY, stdout } = cli.terminal;
  const tty = flags.tty ?? (stdinIsTTY && stdout.isTTY);
  cli.interruption.leaveToChild();
  cli.exitCode = await withStory(cli, command, ({ context }) =>
    api.execInNode({ ...context, node, argv, tty }),
  );
}
