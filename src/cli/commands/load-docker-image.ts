/** knest load docker-image */

import type { Command } from 'commander';
import { withProgress, type Cli } from '../cli.ts';
import { given, nameOption, nodesOption, outputOption } from '../options.ts';
import type { NameFlag, NodesFlag, OutputFlag } from '../options.ts';
import { writeLoaded } from '../output/loaded.ts';
import { engineNames, type EngineName } from '../../spec/words.ts';

interface Flags extends NameFlag, OutputFlag, NodesFlag {
  from?: EngineName;
}

export function addLoadDockerImage(parent: Command, cli: Cli): void {
  const command = nameOption(parent.command('docker-image'))
    .description('load images of Docker, podman, nerdctl or containerd into the nodes of a cluster')
    .argument('<images...>', 'names of images, as the engine calls them');
  command.addOption(
    command
      .createOption('--from <engine>', 'only images of this engine (default: the first that has them)')
      .choices(engineNames),
  );
  outputOption(nodesOption(command, 'only into these nodes'), ['text', 'json', 'yaml', 'name']).action(
    (images: string[], flags: Flags, self: Command) => loadDockerImage(cli, images, flags, self),
  );
}

async function loadDockerImage(cli: Cli, images: string[], flags: Flags, command: Command): Promise<void> {
  const { name, from, nodes } = flags;
  const api = await cli.api();
  const loaded = await withProgress(cli, command, ({ context }) =>
    api.loadDockerImage({ ...context, name, images, ...given({ from, nodes }) }),
  );
  await writeLoaded(cli.terminal.stdout, flags.output, loaded);
}
