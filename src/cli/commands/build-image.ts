/** knest build image */

import type { Command } from 'commander';
import { withProgress, type Api, type Cli } from '../cli.ts';
import {
  given,
  imageOptions,
  lockOptions,
  outputOption,
  yesOption,
  type OutputFlag,
  type SpecOptions,
} from '../options.ts';
import { renderResult } from '../output/result.ts';
import { renderTable } from '../output/table.ts';

interface Flags extends Omit<SpecOptions, 'image'>, OutputFlag {
  /** Archives, where kind's --image of other commands is one image. */
  image?: string[];
  rebuild?: true;
  yes?: true;
}

type Built = Awaited<ReturnType<Api['buildImage']>>;

export function addBuildImage(parent: Command, cli: Cli): void {
  const command = imageOptions(
    lockOptions(parent.command('image').option('--config <file>', 'cluster config file, "-" for stdin')),
  )
    .description('build the layers that nodes are made from, so that creating clusters is quick')
    .option(
      '--image <files...>',
      'archives of images that nodes shall have from their beginning, as "images" in the config',
    )
    .option('--rebuild', 'build them even when they are in the cache');
  outputOption(yesOption(command), ['text', 'json', 'yaml', 'name']).action((flags: Flags, self: Command) =>
    buildImage(cli, flags, self),
  );
}

async function buildImage(cli: Cli, flags: Flags, command: Command): Promise<void> {
  const { readSpec, tellRemarks, withPlaces } = await import('../read-spec.ts');
  const { image: images, ...spec } = flags;
  const [loaded, api] = await Promise.all([
    readSpec(cli.terminal, { ...spec, ...given({ images }) }),
    cli.api(),
  ]);
  const built = await withProgress(cli, command, ({ context }) => {
    tellRemarks(loaded, context.listener);
    return withPlaces(loaded, () =>
      api.buildImage({
        ...context,
        spec: loaded.spec,
        rebuild: flags.rebuild ?? false,
        yes: flags.yes ?? false,
      }),
    );
  });
  const rendering = { text: renderBuilt, names: ({ layers }: Built) => layers.map(({ id }) => id) };
  cli.terminal.stdout.write(await renderResult(flags.output, built, rendering));
}

function renderBuilt({ layers }: Built): string {
  return renderTable(
    [
      { heading: 'LAYER', cell: ({ id }) => id },
      { heading: 'KIND', cell: ({ kind }) => kind },
      { heading: 'STATE', cell: ({ built }) => (built ? 'built' : 'cached') },
      { heading: 'PATH', cell: ({ path }) => path },
    ],
    layers,
  );
}
