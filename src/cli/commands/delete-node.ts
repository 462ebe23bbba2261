/** knest delete node */

import type { Command } from 'commander';
import { withProgress, type Cli } from '../cli.ts';
import { nodeNamesArgument } from '../node-options.ts';
import { durationArgument, given } from '../options.ts';

interface Flags {
  name?: string;
  force?: true;
  /** Milliseconds. */
  drainTimeout: number;
}

export function addDeleteNode(parent: Command, cli: Cli): void {
  const command = parent.command('node').alias('nodes');
  command
    .description('evict the pods of nodes, then delete the nodes with their machines')
    .argument('<nodes...>', 'names of the nodes', nodeNamesArgument)
    .option('-n, --name <name>', 'name of the cluster (default: the one that has the nodes)')
    .option('--force', 'even when pods cannot be evicted, or etcd loses its quorum; does not wait for pods')
    .addOption(
      command
        .createOption('--drain-timeout <duration>', 'how long evicting the pods of a node may take')
        .argParser(durationArgument)
        .default(60_000, '1m'),
    )
    .action((nodes: string[], flags: Flags, self: Command) => deleteNode(cli, nodes, flags, self));
}

async function deleteNode(cli: Cli, nodes: string[], flags: Flags, command: Command): Promise<void> {
  const { name, force, drainTimeout } = flags;
  const api = await cli.api();
  await withProgress(cli, command, async ({ context, say }) => {
    const deleted = await api.deleteNodes({
      ...context,
      nodes: [...new Set(nodes)],
      force: force ?? false,
      drainTimeout,
      ...given({ name }),
    });
    say(`Deleted from cluster "${deleted.cluster}": ${deleted.nodes.join(', ')}.`);
  });
}
