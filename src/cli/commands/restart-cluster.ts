/** knest restart cluster */

import type { Command } from 'commander';
import { withProgress, type Cli } from '../cli.ts';
import { nameOption, waitOption, type NameFlag } from '../options.ts';

export function addRestartCluster(parent: Command, cli: Cli): void {
  waitOption(nameOption(parent.command('cluster')))
    .description('power all machines of a cluster off and on again')
    .action(async ({ name, wait }: NameFlag & { wait: number }, self: Command) => {
      const api = await cli.api();
      await withProgress(cli, self, async ({ context, say }) => {
        await api.restartCluster({ ...context, name, wait });
        say(`Cluster "${name}" is restarted.`);
      });
    });
}
