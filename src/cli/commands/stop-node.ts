/** knest stop node */

import type { Command } from 'commander';
import { withProgress, type Cli } from '../cli.ts';
import { nodeNamesArgument } from '../node-options.ts';

export function addStopNode(parent: Command, cli: Cli): void {
  parent
    .command('node')
    .alias('nodes')
    .description('power single nodes off; what is on them stays')
    .argument('<nodes...>', 'names of the nodes', nodeNamesArgument)
    .option('--force', 'even when etcd would lose its quorum, and with it the cluster its API')
    .action(async (nodes: string[], { force }: { force?: true }, self: Command) => {
      const api = await cli.api();
      await withProgress(cli, self, async ({ context, say }) => {
        await api.stopNodes({ ...context, nodes, force: force ?? false });
        say(`Stopped: ${nodes.join(', ')}. To start again: knest start node ${nodes.join(' ')}`);
      });
    });
}
