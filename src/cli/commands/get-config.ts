/** knest get config */

import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
import type { Cli } from '../cli.ts';
import { nameOption, type NameFlag } from '../options.ts';
import { renderResult } from '../output/result.ts';

const formats = ['yaml', 'json', 'full'] as const;

interface Flags extends NameFlag {
  output: (typeof formats)[number];
}

export function addGetConfig(parent: Command, cli: Cli): void {
  const command = nameOption(parent.command('config'))
    .description(
      'print the config of a cluster as it is; applied, it changes nothing. Passwords of registries and proxies are in it',
    )
    .argument('[cluster]', 'name of the cluster');
  const option = command
    .createOption('-o, --output <format>', 'yaml, json, or full: yaml with all defaults and what knest chose')
    .choices([...formats])
    .default('yaml');
  command
    .addOption(option)
    .action((cluster: string | undefined, flags: Flags, self: Command) =>
      getConfig(cli, cluster, flags, self),
    );
}

async function getConfig(
  cli: Cli,
  cluster: string | undefined,
  { name, output }: Flags,
  command: Command,
): Promise<void> {
  if (cluster !== undefined && command.getOptionValueSource('name') === 'cli' && name !== cluster)
    throw new InvalidArgumentError(`--name is ${name}, and the argument is ${cluster}.`);
  const api = await cli.api();
  const config = await api.clusterConfig({ name: cluster ?? name, full: output === 'full' });
  const text = await renderResult(output === 'json' ? 'json' : 'yaml', config, { text: () => '' });
  cli.terminal.stdout.write(text);
}
