/** knest logs */

import type { Command } from 'commander';
import { withProgress, type Cli } from '../cli.ts';
import { namesOf, readSelection, selectionOptions, type SelectionFlags } from '../node-options.ts';
import { countArgument, given } from '../options.ts';
import { inSeveralNodes } from '../several-nodes.ts';

interface Flags extends SelectionFlags {
  unit?: string;
  follow?: true;
  lines?: number;
}

export function addLogs(parent: Command, cli: Cli): void {
  const command = parent
    .command('logs')
    .description("print a node's journal, or those of several side by side")
    .argument('[node]', 'name of the node, or several separated by commas; none with --all and --role')
    .option('-u, --unit <unit>', 'only this unit, like kubelet')
    .option('-f, --follow', 'go on printing what comes')
    .option('-n, --lines <count>', 'only the last lines', countArgument);
  selectionOptions(command).action((node: string | undefined, flags: Flags, self: Command) =>
    logs(cli, node, flags, self),
  );
}

async function logs(cli: Cli, word: string | undefined, flags: Flags, command: Command): Promise<void> {
  const byCluster = flags.all !== undefined || flags.role !== undefined;
  if (byCluster && word !== undefined) command.error('error: either a node or --all or --role, not both');
  const selection = readSelection(word, flags, command);
  const { unit, lines } = flags;
  const what = { follow: flags.follow ?? false, ...given({ unit, lines }) };
  const api = await cli.api();
  if ('single' in selection) {
    cli.interruption.leaveToChild();
    cli.exitCode = await withProgress(
      cli,
      command,
      ({ context }) => api.nodeLogs({ ...context, node: selection.single, ...what }),
      { ownsTerminal: false },
    );
    return;
  }
  const nodes = await withProgress(cli, command, ({ context }) => namesOf(selection.nodes, api, context));
  cli.exitCode = await inSeveralNodes(cli, nodes, flags.prefix ?? true, (options) =>
    api.nodesLogs({ ...options, nodes, ...what }),
  );
}
