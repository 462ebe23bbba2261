/** knest load image-archive */

import type { Command } from 'commander';
import { withProgress, type Api, type Cli } from '../cli.ts';
import { given, nameOption, nodesOption, outputOption } from '../options.ts';
import type { NameFlag, NodesFlag, OutputFlag } from '../options.ts';
import { renderResult } from '../output/result.ts';
import { renderTable } from '../output/table.ts';

type Flags = NameFlag & OutputFlag & NodesFlag;
type Loaded = Awaited<ReturnType<Api['loadImageArchive']>>;

export function addLoadImageArchive(parent: Command, cli: Cli): void {
  const command = nameOption(parent.command('image-archive'))
    .description('load container images from archives (docker save, OCI layout) into the nodes of a cluster')
    .argument('<files...>', 'tar archives, compressed or not; "-" for stdin');
  outputOption(nodesOption(command, 'only into these nodes'), ['text', 'json', 'yaml', 'name']).action(
    (files: string[], flags: Flags, self: Command) => loadImageArchive(cli, files, flags, self),
  );
}

async function loadImageArchive(cli: Cli, files: string[], flags: Flags, command: Command): Promise<void> {
  const api = await cli.api();
  const loaded = await withProgress(cli, command, ({ context }) =>
    api.loadImageArchive({ ...context, name: flags.name, files, ...given({ nodes: flags.nodes }) }),
  );
  const rendering = {
    text: renderLoaded,
    names: (list: Loaded) => [...new Set(list.map(({ image }) => image))],
  };
  cli.terminal.stdout.write(await renderResult(flags.output, loaded, rendering));
}

function renderLoaded(loaded: Loaded): string {
  return renderTable(
    [
      { heading: 'NODE', cell: ({ node }) => node },
      { heading: 'IMAGE', cell: ({ image }) => image },
      { heading: 'STATE', cell: ({ state }) => state },
      { heading: 'FILE', cell: ({ file }) => file },
    ],
    loaded,
  );
}
