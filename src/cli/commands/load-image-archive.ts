/** knest load image-archive */

import { InvalidArgumentError, type Command } from 'commander';
import { withStory, type Api, type Cli } from '../cli.ts';
import { given, nameOption, outputOption, type NameFlag, type OutputFlag } from '../options.ts';
import { renderResult } from '../output/result.ts';
import { renderTable } from '../output/table.ts';

interface Flags extends NameFlag, OutputFlag {
  nodes?: string[];
}

type Loaded = Awaited<ReturnType<Api['loadImageArchive']>>;

export function addLoadImageArchive(parent: Command, cli: Cli): void {
  const command = nameOption(parent.command('image-archive'))
    .description('load container images from archives (docker save, OCI layout) into the nodes of a cluster')
    .argument('<files...>', 'tar archives')
    .option('--nodes <names>', 'only into these nodes, separated by commas', namesArgument);
  outputOption(command, ['text', 'json', 'yaml', 'name']).action(
    (files: string[], flags: Flags, self: Command) => loadImageArchive(cli, files, flags, self),
  );
}

async function loadImageArchive(cli: Cli, files: string[], flags: Flags, command: Command): Promise<void> {
  const api = await cli.api();
  const loaded = await withStory(cli, command, ({ context }) =>
    api.loadImageArchive({ ...context, name: flags.name, files, ...given({ nodes: flags.nodes }) }),
  );
  const rendering = {
    text: renderLoaded,
    names: (list: Loaded) => [...new Set(list.flatMap(({ images }) => images))],
  };
  cli.terminal.stdout.write(await renderResult(flags.output, loaded, rendering));
}

function renderLoaded(loaded: Loaded): string {
  const rows = loaded.flatMap(({ node, file, images }) => images.map((image) => ({ node, file, image })));
  return renderTable(
    [
      { heading: 'NODE', cell: ({ node }) => node },
      { heading: 'IMAGE', cell: ({ image }) => image },
      { heading: 'FILE', cell: ({ file }) => file },
    ],
    rows,
  );
}

function namesArgument(text: string): string[] {
  const names = text.split(',').map((name) => name.trim());
  if (names.some((name) => name === '')) throw new InvalidArgumentError('Use names separated by commas.');
  return names;
}
