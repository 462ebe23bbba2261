/** knest get kubeconfig */

import type { Command } from 'commander';
import { withProgress, type Cli } from '../cli.ts';
import { internalOption, nameOption, type InternalFlag, type NameFlag } from '../options.ts';

interface Flags extends NameFlag, InternalFlag {
  allClusters?: true;
}

export function addGetKubeconfig(parent: Command, cli: Cli): void {
  internalOption(nameOption(parent.command('kubeconfig')))
    .description("print a cluster's kubeconfig")
    .option('-A, --all-clusters', 'one kubeconfig with the contexts of every cluster')
    .action((flags: Flags, self: Command) => getKubeconfig(cli, flags, self));
}

async function getKubeconfig(cli: Cli, { name, internal, allClusters }: Flags, command: Command) {
  const api = await cli.api();
  const text = await withProgress(cli, command, ({ context }) =>
    allClusters
      ? api.clustersKubeconfig({ ...context, internal: internal ?? false })
      : api.clusterKubeconfig({ ...context, name, internal: internal ?? false }),
  );
  cli.terminal.stdout.write(text.endsWith('\n') ? text : `${text}\n`);
}
