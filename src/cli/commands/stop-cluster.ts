/** knest stop cluster */

import type { Command } from 'commander';
import { withProgress, type Cli } from '../cli.ts';
import { nameOption, type NameFlag } from '../options.ts';

export function addStopCluster(parent: Command, cli: Cli): void {
  nameOption(parent.command('cluster'))
    .description('power the machines of a cluster off; what is on them stays')
    .action(async ({ name }: NameFlag, self: Command) => {
      const api = await cli.api();
      await withProgress(cli, self, async ({ context, say }) => {
        await api.stopCluster({ ...context, name });
        say(`Cluster "${name}" is stopped. To start it again: knest start cluster --name ${name}`);
      });
    });
}
