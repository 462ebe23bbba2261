/** knest apply */

import type { Command } from 'commander';
import type { ApplyResult } from '../../api/commands.ts';
import { changeOptions, changeSettings, type ChangeFlags } from '../change-options.ts';
import { withProgress, type Cli } from '../cli.ts';
import { given, outputOption, specOptions, type OutputFlag, type SpecOptions } from '../options.ts';
import { formatSeconds } from '../output/duration.ts';
import { renderResult } from '../output/result.ts';

interface Flags extends SpecOptions, OutputFlag, ChangeFlags {}

export function addApply(parent: Command, cli: Cli): void {
  const command = changeOptions(specOptions(parent.command('apply')))
    .description(
      'bring a cluster to what a config says; without --config put right what was changed by hand. Asks first where pods ' +
        'move or machines start anew',
    )
    .argument('[cluster]', 'name of the cluster');
  outputOption(command, ['text', 'json', 'yaml', 'name']).action(
    (cluster: string | undefined, flags: Flags, self: Command) => apply(cli, cluster, flags, self),
  );
}

async function apply(cli: Cli, cluster: string | undefined, flags: Flags, command: Command): Promise<void> {
  const [api, { confirmChange }, { specOfFlags }] = await Promise.all([
    cli.api(),
    import('../confirm.ts'),
    import('../spec-of-flags.ts'),
  ]);
  const result = await withProgress(cli, command, async ({ context, say }) => {
    const { name, spec, withPlaces } = await specOfFlags(cli.terminal, cluster, flags, context.listener);
    const done = await withPlaces(
      api.applyCluster({
        ...{ ...context, name, ...given({ spec }), ...changeSettings(flags) },
        confirm: (diff) =>
          confirmChange(cli.terminal, diff, { yes: flags.yes ?? false, say, signal: context.signal }),
      }),
    );
    if (!done.differs) say(`Cluster "${name}" is as it should be.`);
    if (done.applied) say(`Cluster "${name}" is as wanted, after ${formatSeconds(done.seconds)}.`);
    return done;
  });
  cli.terminal.stdout.write(await renderApplied(result, flags, cli));
}

/** What would be done is the result of a dry run; what was done has been told. */
async function renderApplied(result: ApplyResult, { output, dryRun }: Flags, cli: Cli): Promise<string> {
  const [{ renderDiff }, { paletteFor }] = await Promise.all([
    import('../output/diff-text.ts'),
    import('../output/colour.ts'),
  ]);
  return renderResult(output, result, {
    text: (one) => (dryRun ? renderDiff(one, paletteFor(cli.terminal.stdout, cli.terminal.env)) : ''),
    names: ({ machines }) => machines.map(({ name }) => name),
  });
}
