/** knest load image-archive */

import type { Command } from 'commander';
import { withProgress, type Cli } from '../cli.ts';
import { given, nameOption, nodesOption, outputOption } from '../options.ts';
import type { NameFlag, NodesFlag, OutputFlag } from '../options.ts';
import { writeLoaded } from '../output/loaded.ts';

type Flags = NameFlag & OutputFlag & NodesFlag;

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
  await writeLoaded(cli.terminal.stdout, flags.output, loaded);
}
