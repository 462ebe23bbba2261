/** knest restart node */

import type { Command } from 'commander';
import { withProgress, type Cli } from '../cli.ts';
import { nodeNamesArgument } from '../node-options.ts';
import { waitOption } from '../options.ts';

export function addRestartNode(parent: Command, cli: Cli): void {
  waitOption(parent.command('node').alias('nodes'))
    .description('power single nodes off and on again, one after the other')
    .argument('<nodes...>', 'names of the nodes', nodeNamesArgument)
    .action(async (nodes: string[], { wait }: { wait: number }, self: Command) => {
      const api = await cli.api();
      await withProgress(cli, self, async ({ context, say }) => {
        await api.restartNodes({ ...context, nodes, wait });
        say(`Restarted: ${nodes.join(', ')}.`);
      });
    });
}
