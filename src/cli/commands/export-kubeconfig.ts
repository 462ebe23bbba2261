/** knest export kubeconfig */

import type { Command } from 'commander';
import { withProgress, type Cli } from '../cli.ts';
import { given, kubeconfigOption, nameOption, type KubeconfigFlag, type NameFlag } from '../options.ts';

export function addExportKubeconfig(parent: Command, cli: Cli): void {
  kubeconfigOption(nameOption(parent.command('kubeconfig')))
    .description("write a cluster's context into the kubeconfig and make it the current one")
    .action((flags: NameFlag & KubeconfigFlag, self: Command) => exportKubeconfig(cli, flags, self));
}

async function exportKubeconfig(cli: Cli, { name, kubeconfig }: NameFlag & KubeconfigFlag, command: Command) {
  const api = await cli.api();
  await withProgress(cli, command, async ({ context, say }) => {
    const written = await api.exportKubeconfig({ ...context, name, ...given({ kubeconfig }) });
    say(`Context "${written.context}" is written to ${written.kubeconfig}.`);
  });
}
