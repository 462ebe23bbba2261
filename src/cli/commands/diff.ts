/** knest diff */

import type { Command } from 'commander';
import type { ClusterDiff } from '../../api/commands.ts';
import { withProgress, type Cli } from '../cli.ts';
import { given, outputOption, specOptions, type OutputFlag, type SpecOptions } from '../options.ts';
import { paletteFor } from '../output/colour.ts';
import { renderDiff } from '../output/diff-text.ts';
import { renderResult } from '../output/result.ts';
import { specOfFlags } from '../spec-of-flags.ts';

interface Flags extends SpecOptions, OutputFlag {
  maxUnavailable?: number;
}

export function addDiff(parent: Command, cli: Cli): void {
  const command = specOptions(parent.command('diff'))
    .description(
      'what "apply" with the same flags would change, by host and machine, and what each change costs; without --config ' +
        'what was changed by hand. Exits 1 when something differs',
    )
    .argument('[cluster]', 'name of the cluster');
  outputOption(command, ['text', 'json', 'yaml', 'name']).action(
    (cluster: string | undefined, flags: Flags, self: Command) => diff(cli, cluster, flags, self),
  );
}

async function diff(cli: Cli, cluster: string | undefined, flags: Flags, command: Command): Promise<void> {
  const api = await cli.api();
  const found = await withProgress(cli, command, async ({ context, say }) => {
    const { name, spec, withPlaces } = await specOfFlags(cli.terminal, cluster, flags, context.listener);
    const result = await withPlaces(api.diffCluster({ ...context, name, ...given({ spec }) }));
    if (!result.differs) say(`Cluster "${name}" is as it should be.`);
    return result;
  });
  const { stdout, env } = cli.terminal;
  const rendering = {
    text: (one: ClusterDiff) => renderDiff(one, paletteFor(stdout, env)),
    names: ({ machines }: ClusterDiff) => machines.map(({ name }) => name),
  };
  stdout.write(await renderResult(flags.output, found, rendering));
  // as diff(1) and kubectl diff have it
  if (found.differs) cli.exitCode = 1;
}
