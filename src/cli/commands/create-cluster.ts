/** knest create cluster */

import type { Command } from 'commander';
import { withProgress, type Cli } from '../cli.ts';
import { nextSteps } from '../next-steps.ts';
import {
  bundleOptions,
  given,
  kubeconfigOption,
  outputOption,
  specOptions,
  waitOption,
  yesOption,
  type BundleFlags,
  type KubeconfigFlag,
  type OutputFlag,
  type SpecOptions,
} from '../options.ts';
import { renderResult } from '../output/result.ts';

interface Flags extends SpecOptions, BundleFlags, KubeconfigFlag, OutputFlag {
  /** Milliseconds. */
  wait: number;
  retain?: true;
  yes?: true;
}

export function addCreateCluster(parent: Command, cli: Cli): void {
  const command = waitOption(bundleOptions(specOptions(parent.command('cluster'))))
    .description('create a cluster and write its context into the kubeconfig')
    .option('--retain', 'keep what was made when creating fails, to look at it');
  outputOption(yesOption(kubeconfigOption(command)), ['text', 'json', 'yaml', 'name']).action(
    (flags: Flags, self: Command) => createCluster(cli, flags, self),
  );
}

async function createCluster(cli: Cli, flags: Flags, command: Command): Promise<void> {
  const { readWanted, tellWanted } = await import('../read-wanted.ts');
  const { withPlaces } = await import('../read-spec.ts');
  const api = await cli.api();
  const wanted = await readWanted(cli.terminal, api, flags);
  const result = await withProgress(cli, command, async ({ context, say }) => {
    tellWanted(wanted, flags, context.listener);
    if (wanted.bundled) await api.bringIn(context, wanted.bundled);
    const created = await withPlaces(wanted, () =>
      api.createCluster({
        ...context,
        spec: wanted.spec,
        wait: flags.wait,
        retain: flags.retain ?? false,
        yes: flags.yes ?? false,
        ...given({ kubeconfig: flags.kubeconfig }),
      }),
    );
    say(nextSteps(created, { waited: flags.wait > 0, kubeconfig: flags.kubeconfig, env: cli.terminal.env }));
    return created;
  });
  const rendering = { text: () => '', names: () => [result.name] };
  cli.terminal.stdout.write(await renderResult(flags.output, result, rendering));
}
