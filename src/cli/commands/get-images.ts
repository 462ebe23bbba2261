/** knest get images */

import type { Command } from 'commander';
import type { ClusterImage, ClusterImages } from '../../api/commands.ts';
import { withProgress, type Cli } from '../cli.ts';
import { given, nameOption, nodesOption, outputOption } from '../options.ts';
import type { NameFlag, NodesFlag, OutputFlag } from '../options.ts';
import { renderBytes } from '../output/bytes.ts';
import { renderResult } from '../output/result.ts';
import { renderTable } from '../output/table.ts';

type Flags = NameFlag & OutputFlag & NodesFlag;

export function addGetImages(parent: Command, cli: Cli): void {
  const command = nameOption(parent.command('images').alias('image')).description(
    'list the container images of the nodes, and which nodes have them',
  );
  outputOption(nodesOption(command, 'only of these nodes'), ['text', 'name', 'wide', 'json', 'yaml']).action(
    (flags: Flags, self: Command) => getImages(cli, flags, self),
  );
}

async function getImages(cli: Cli, { name, nodes, output }: Flags, command: Command): Promise<void> {
  const api = await cli.api();
  const found = await withProgress(cli, command, ({ context }) =>
    api.listImages({ ...context, name, ...given({ nodes }) }),
  );
  const rendering = {
    text: renderImages,
    names: ({ images }: ClusterImages) => images.flatMap((image) => image.name ?? []),
  };
  cli.terminal.stdout.write(await renderResult(output, found, rendering));
}

/** Most images are in all nodes: a count tells more than names, unless they are asked for. */
function renderImages({ images, nodes }: ClusterImages, wide: boolean): string {
  const where = (image: ClusterImage): string =>
    wide || image.nodes.length === 1
      ? image.nodes.join(',')
      : image.nodes.length === nodes.length
        ? `all ${nodes.length}`
        : `${image.nodes.length} of ${nodes.length}`;
  return renderTable(
    [
      { heading: 'IMAGE', cell: ({ name }: ClusterImage) => name },
      {
        heading: 'ID',
        // as docker and crictl show it
        cell: ({ id }: ClusterImage) => (wide ? id : id.replace(/^sha256:/, '').slice(0, 13)),
      },
      { heading: 'SIZE', cell: ({ size }: ClusterImage) => renderBytes(size) },
      { heading: 'NODES', cell: where },
      ...(wide ? [{ heading: 'DIGEST', cell: ({ digests }: ClusterImage) => digests.join(',') }] : []),
    ],
    images,
  );
}
