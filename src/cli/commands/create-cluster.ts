/** knest create cluster */

import type { Command } from 'commander';
import type { BundledCluster } from '../../api/commands.ts';
import { InputError } from '../../errors.ts';
import type { Listener } from '../../events.ts';
import { withProgress, type Api, type Cli } from '../cli.ts';
import { nextSteps } from '../next-steps.ts';
import {
  given,
  kubeconfigOption,
  outputOption,
  specOptions,
  waitOption,
  yesOption,
  type KubeconfigFlag,
  type OutputFlag,
  type SpecOptions,
} from '../options.ts';
import { renderResult } from '../output/result.ts';

interface Flags extends SpecOptions, KubeconfigFlag, OutputFlag {
  /** Milliseconds. */
  wait: number;
  retain?: true;
  bundle?: string;
  verifyKey?: string;
  yes?: true;
}

export function addCreateCluster(parent: Command, cli: Cli): void {
  const command = waitOption(specOptions(parent.command('cluster')))
    .description('create a cluster and write its context into the kubeconfig')
    .option('--bundle <file>', 'take everything out of this file, which "knest bundle create" has made')
    .option('--verify-key <file>', 'public key (ed25519, PEM) whose owner must have signed the bundle')
    .option('--retain', 'keep what was made when creating fails, to look at it');
  outputOption(yesOption(kubeconfigOption(command)), ['text', 'json', 'yaml', 'name']).action(
    (flags: Flags, self: Command) => createCluster(cli, flags, self),
  );
}

async function createCluster(cli: Cli, flags: Flags, command: Command): Promise<void> {
  const { readBundledSpec, readSpec, tellRemarks, withPlaces } = await import('../read-spec.ts');
  const api = await cli.api();
  const bundled = await readBundle(api, flags);
  const loaded = await (bundled
    ? readBundledSpec(cli.terminal, flags, bundled)
    : readSpec(cli.terminal, flags));
  const result = await withProgress(cli, command, async ({ context, say }) => {
    tellRemarks(loaded, context.listener);
    if (bundled) {
      tellWhetherSigned(bundled, flags, context.listener);
      await api.bringIn(context, bundled);
    }
    const created = await withPlaces(loaded, () =>
      api.createCluster({
        ...context,
        spec: bundled ? api.bundledSpec(loaded.spec, bundled) : loaded.spec,
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

/** @throws InputError for flags that do not go together */
async function readBundle(
  api: Api,
  { bundle, verifyKey, locked, lock }: Flags,
): Promise<BundledCluster | undefined> {
  if (bundle === undefined) {
    if (verifyKey === undefined) return undefined;
    throw new InputError('The flags', [{ path: '--verify-key', message: 'is for a bundle: --bundle FILE' }]);
  }
  if (locked !== undefined || lock === false) {
    const path = lock === false ? '--no-lock' : '--locked';
    throw new InputError('The flags', [{ path, message: 'is not for a bundle, which has its own lock' }]);
  }
  return api.readBundle({ file: bundle, ...given({ verifyKey }) });
}

function tellWhetherSigned({ bundle }: BundledCluster, { verifyKey }: Flags, listener: Listener): void {
  if (verifyKey !== undefined || !bundle.signed) return;
  const message = `${bundle.file} is signed; by whom is not looked at without --verify-key`;
  listener({ type: 'note', level: 'info', message });
}
