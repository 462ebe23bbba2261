/** knest logs */

import type { Command } from 'commander';
import { withStory, type Cli } from '../cli.ts';
import { countArgument, given } from '../options.ts';

interface Flags {
  unit?: string;
  follow?: true;
  lines?: number;
}

export function addLogs(parent: Command, cli: Cli): void {
  parent
    .command('logs')
    .description("print a node's journal")
    .argument('<node>', 'name of the node')
    .option('-u, --unit <unit>', 'only this unit, like kubelet')
    .option('-f, --follow', 'go on printing what comes')
    .option('-n, --lines <count>', 'only the last lines', countArgument)
    .action((node: string, flags: Flags, self: Command) => logs(cli, node, flags, self));
}

async function logs(cli: Cli, node: string, { unit, follow, lines }: Flags, command: Command): Promise<void> {
  const api = await cli.api();
  cli.interruption.leaveToChild();
  cli.exitCode = await withStory(cli, command, ({ context }) =>
    api.nodeLogs({ ...context, node, follow: follow ?? false, ...given({ unit, lines }) }),
  );
}
