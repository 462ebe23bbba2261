/** knest rotate ca */

import { Option, type Command } from 'commander';
import { InputError } from '../../errors.ts';
import { withProgress, type Cli } from '../cli.ts';
import { given, nameOption, outputOption, type NameFlag, type OutputFlag } from '../options.ts';
import { renderResult } from '../output/result.ts';

const stages = ['trust', 'sign', 'forget'] as const;

interface Flags extends NameFlag, OutputFlag {
  until?: (typeof stages)[number];
  dryRun?: boolean;
  yes?: boolean;
}

export function addRotateCa(parent: Command, cli: Cli): void {
  outputOption(nameOption(parent.command('ca')), ['text', 'json', 'yaml', 'name'])
    .description(
      'exchange the authorities of a cluster for new ones: trusted beside the old ones, then signing, then alone; ' +
        'the components of each node are restarted three times',
    )
    .argument('[cluster]', 'name of the cluster, as --name')
    .addOption(
      new Option('--until <stage>', 'end after this stage; the same command goes on later').choices(stages),
    )
    .option('--dry-run', 'only say which stages are left')
    .option('-y, --yes', 'go on without asking')
    .action((cluster: string | undefined, flags: Flags, self: Command) =>
      rotateCa(cli, { ...flags, name: cluster ?? flags.name }, self),
    );
}

async function rotateCa(cli: Cli, flags: Flags, command: Command): Promise<void> {
  const { name, output, until, dryRun = false, yes = false } = flags;
  if (!dryRun && !yes) {
    const message = 'components of every node are restarted three times, and old kubeconfigs end';
    throw new InputError('knest rotate ca', [
      { path: '--yes', message, hint: 'say --yes, or look first: --dry-run' },
    ]);
  }
  const api = await cli.api();
  const rotated = await withProgress(cli, command, ({ context }) =>
    api.rotateAuthorities({ ...context, name, dryRun, ...given({ until }) }),
  );
  const rendering = {
    text: ({ authorities, stages: gone, finished }: typeof rotated) =>
      `${authorities.join(', ')}: ${gone.join(', ')}${finished ? '' : '; the same command goes on'}\n`,
    names: ({ authorities }: typeof rotated) => authorities,
  };
  cli.terminal.stdout.write(await renderResult(output, rotated, rendering));
}
