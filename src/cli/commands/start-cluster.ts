/** knest start cluster */

import type { Command } from 'commander';
import { withProgress, type Cli } from '../cli.ts';
import { nameOption, waitOption, type NameFlag } from '../options.ts';

export function addStartCluster(parent: Command, cli: Cli): void {
  waitOption(nameOption(parent.command('cluster')))
    .description('start a stopped cluster with its network: after a stop, a crash or a reboot of the host')
    .action(async ({ name, wait }: NameFlag & { wait: number }, self: Command) => {
      const api = await cli.api();
      await withProgress(cli, self, async ({ context, say }) => {
        await api.startCluster({ ...context, name, wait });
        say(`Cluster "${name}" is started.`);
      });
    });
}
