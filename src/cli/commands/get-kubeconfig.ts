/** knest get kubeconfig */

import type { Command } from 'commander';
import { withProgress, type Cli } from '../cli.ts';
import { nameOption, type NameFlag } from '../options.ts';

export function addGetKubeconfig(parent: Command, cli: Cli): void {
  nameOption(parent.command('kubeconfig'))
    .description("print a cluster's kubeconfig")
    .action((flags: NameFlag, self: Command) => getKubeconfig(cli, flags, self));
}

async function getKubeconfig(cli: Cli, { name }: NameFlag, command: Command): Promise<void> {
  const api = await cli.api();
  const text = await withProgress(cli, command, ({ context }) => api.clusterKubeconfig({ ...context, name }));
  cli.terminal.stdout.write(text.endsWith('\n') ? text : `${text}\n`);
}
