/** knest start node */

import type { Command } from 'commander';
import { withProgress, type Cli } from '../cli.ts';
import { nodeNamesArgument } from '../node-options.ts';
import { waitOption } from '../options.ts';

export function addStartNode(parent: Command, cli: Cli): void {
  waitOption(parent.command('node').alias('nodes'))
    .description('start single nodes and wait for these')
    .argument('<nodes...>', 'names of the nodes', nodeNamesArgument)
    .action(async (nodes: string[], { wait }: { wait: number }, self: Command) => {
      const api = await cli.api();
      await withProgress(cli, self, async ({ context, say }) => {
        await api.startNodes({ ...context, nodes, wait });
        say(`Started: ${nodes.join(', ')}.`);
      });
    });
}
