/** knest shell */

import type { Command } from 'commander';
import { withProgress, type Cli } from '../cli.ts';

export function addShell(parent: Command, cli: Cli): void {
  parent
    .command('shell')
    .description('open a root shell in a node')
    .argument('<node>', 'name of the node')
    .action((node: string, _flags: object, self: Command) => shell(cli, node, self));
}

async function shell(cli: Cli, node: string, command: Command): Promise<void> {
  const api = await cli.api();
  const tty = cli.terminal.stdinIsTTY;
  cli.interruption.leaveToChild();
  cli.exitCode = await withProgress(
    cli,
    command,
    ({ context }) => api.execInNode({ ...context, node, argv: ['/bin/bash', '-l'], tty }),
    { ownsTerminal: false },
  );
}
