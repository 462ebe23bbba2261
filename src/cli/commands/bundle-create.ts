/** knest bundle create */

import type { Command } from 'commander';
import { lockFileName } from '../../spec/lock-file-name.ts';
import { withProgress, type Cli } from '../cli.ts';
import { componentMirrorOption, given, releaseMirrorOption, yesOption } from '../options.ts';
import { renderBytes } from '../output/bytes.ts';
import { readVersion } from '../../workstation/package-file.ts';

interface Flags {
  config: string;
  output: string;
  signKey?: string;
  releaseMirror?: string;
  componentMirror?: string;
  yes?: true;
}

export function addBundleCreate(parent: Command, cli: Cli): void {
  const command = parent
    .command('create')
    .description(
      `write layers, images, lock and config of a cluster, knest itself and its Node.js into one file; locks the config first where it has no ${lockFileName}`,
    )
    .requiredOption('--config <file>', 'cluster config file, of kind as well')
    .requiredOption('-o, --output <file>', 'file to write')
    .option('--sign-key <file>', 'private key (ed25519, PEM) to sign it with');
  command.addOption(releaseMirrorOption(command)).addOption(componentMirrorOption(command));
  yesOption(command).action((flags: Flags, self: Command) => bundleCreate(cli, flags, self));
}

async function bundleCreate(cli: Cli, flags: Flags, command: Command): Promise<void> {
  const { config, output, signKey, releaseMirror, componentMirror, yes = false } = flags;
  const { lockFileOf, readSpec, tellRemarks, withPlaces } = await import('../read-spec.ts');
  const lockFile = lockFileOf(config);
  const [loaded, api] = await Promise.all([
    readSpec(cli.terminal, { config, ...given({ releaseMirror, componentMirror }) }),
    cli.api(),
  ]);
  await withProgress(cli, command, async ({ context, say }) => {
    tellRemarks(loaded, context.listener);
    const common = { ...context, spec: loaded.spec, knest: readVersion(), yes };
    const lock =
      loaded.spec.image.lock ??
      (await withPlaces(loaded, () => api.lockCluster({ ...common, file: lockFile }))).lock;
    const { file, members, signed } = await api.createBundle({
      ...{ ...common, lock, config: loaded.config ?? '', file: output },
      ...given({ signKey }),
    });
    const last = members.at(-1);
    const size = renderBytes((last?.offset ?? 0) + (last?.size ?? 0));
    say(
      [
        `${file} is ${size}${signed ? ' and signed' : ''}. On a machine without a network:`,
        `  tar --extract --to-stdout --file ${file} knest.tar.gz | tar --extract --gzip`,
        `  knest/knest create cluster --bundle ${file}`,
        `Not in it are the Debian packages that the machine itself needs: knest/knest doctor names those that it lacks.`,
      ].join('\n'),
    );
  });
}
