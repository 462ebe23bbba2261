/** knest export kubeconfig */

import type { Command } from 'commander';
import { withProgress, type Cli } from '../cli.ts';
import {
  given,
  internalOption,
  kubeconfigOption,
  nameOption,
  type InternalFlag,
  type KubeconfigFlag,
  type NameFlag,
} from '../options.ts';

interface Flags extends NameFlag, KubeconfigFlag, InternalFlag {}

export function addExportKubeconfig(parent: Command, cli: Cli): void {
  internalOption(kubeconfigOption(nameOption(parent.command('kubeconfig'))))
    .description("write a cluster's context into the kubeconfig and make it the current one")
    .action((flags: Flags, self: Command) => exportKubeconfig(cli, flags, self));
}

async function exportKubeconfig(cli: Cli, { name, kubeconfig, internal }: Flags, command: Command) {
  const api = await cli.api();
  await withProgress(cli, command, async ({ context, say }) => {
    const options = { ...context, name, internal: internal ?? false, ...given({ kubeconfig }) };
    const written = await api.exportKubeconfig(options);
    say(`Context "${written.context}" is written to ${written.kubeconfig}.`);
  });
}
