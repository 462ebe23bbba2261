/** knest delete cluster */

import type { Command } from 'commander';
import { withProgress, type Cli } from '../cli.ts';
import { given, kubeconfigOption, nameOption, type KubeconfigFlag, type NameFlag } from '../options.ts';

export function addDeleteCluster(parent: Command, cli: Cli): void {
  kubeconfigOption(nameOption(parent.command('cluster')))
    .description('delete a cluster, its machines and its context; one that does not exist is no error')
    .action((flags: NameFlag & KubeconfigFlag, self: Command) => deleteCluster(cli, flags, self));
}

async function deleteCluster(cli: Cli, { name, kubeconfig }: NameFlag & KubeconfigFlag, command: Command) {
  const api = await cli.api();
  await withProgress(cli, command, async ({ context, say }) => {
    const { existed } = await api.deleteCluster({ ...context, name, ...given({ kubeconfig }) });
    say(existed ? `Cluster "${name}" is deleted.` : `There is no cluster "${name}": nothing to delete.`);
  });
}
