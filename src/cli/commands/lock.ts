/** knest lock */

import type { Command } from 'commander';
import type { LockResult } from '../../api/commands.ts';
import type { LockedLayer } from '../../spec/lock.ts';
import { lockFileName } from '../../spec/lock-file-name.ts';
import { withProgress, type Cli } from '../cli.ts';
import {
  componentMirrorOption,
  given,
  outputOption,
  releaseMirrorOption,
  yesOption,
  type OutputFlag,
} from '../options.ts';
import { renderResult } from '../output/result.ts';
import { renderTable } from '../output/table.ts';
import { readVersion } from '../../workstation/package-file.ts';

interface Flags extends OutputFlag {
  config: string;
  releaseMirror?: string;
  componentMirror?: string;
  yes?: true;
}

export function addLock(parent: Command, cli: Cli): void {
  const command = parent
    .command('lock')
    .description(
      `write ${lockFileName} beside a config file: what its nodes are made of, to the last package`,
    )
    .requiredOption('--config <file>', 'cluster config file, of kind as well');
  command.addOption(releaseMirrorOption(command)).addOption(componentMirrorOption(command));
  outputOption(yesOption(command), ['text', 'json', 'yaml', 'name']).action((flags: Flags, self: Command) =>
    lock(cli, flags, self),
  );
}

async function lock(
  cli: Cli,
  { output, config, releaseMirror, componentMirror, yes }: Flags,
  command: Command,
): Promise<void> {
  const { lockFileOf, readSpec, tellRemarks, withPlaces } = await import('../read-spec.ts');
  const file = lockFileOf(config);
  const [loaded, api] = await Promise.all([
    readSpec(cli.terminal, { config, lock: false, ...given({ releaseMirror, componentMirror }) }),
    cli.api(),
  ]);
  const result = await withProgress(cli, command, async ({ context, say }) => {
    tellRemarks(loaded, context.listener);
    const written = await withPlaces(loaded, () =>
      api.lockCluster({
        ...context,
        spec: loaded.spec,
        file,
        knest: readVersion(),
        yes: yes ?? false,
      }),
    );
    say(`${file} says what the nodes are made of. "create cluster" with this config goes by it.`);
    return written;
  });
  const rendering = {
    text: renderLocked,
    names: ({ lock: { layers } }: LockResult) => layers.map(({ id }) => id),
  };
  cli.terminal.stdout.write(await renderResult(output, result, rendering));
}

function renderLocked({ lock: { layers } }: LockResult): string {
  return renderTable(
    [
      { heading: 'LAYER', cell: ({ id }) => id },
      { heading: 'KIND', cell: ({ kind }) => kind },
      { heading: 'MADE OF', cell: madeOf },
      { heading: 'CONTENT', cell: ({ content }) => content.slice(0, 12) },
    ],
    layers,
  );
}

function madeOf(layer: LockedLayer): string {
  switch (layer.kind) {
    case 'rootfs':
      return `${layer.packages.length} packages of ${layer.suite}, ${layer.date.slice(0, 10)}`;
    case 'kubernetes':
      return `${Object.keys(layer.binaries).length} binaries of ${layer.version} (${layer.source.kind})`;
    case 'component':
      return `${layer.component} ${layer.version ?? ''} (${layer.source.kind})`;
    case 'images':
      return `archives of images: ${layer.archives.length}`;
  }
}
