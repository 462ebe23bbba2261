/** knest backup schedule */

import type { Command } from 'commander';
import { InputError } from '../../errors.ts';
import { clusterNamed } from '../backup-options.ts';
import { withProgress, type Cli } from '../cli.ts';
import { countArgument, outputOption, type OutputFlag } from '../options.ts';
import { renderResult } from '../output/result.ts';

interface Flags extends OutputFlag {
  name?: string;
  every?: string;
  keep: number;
  to?: string;
  off?: true;
}

export function addBackupSchedule(parent: Command, cli: Cli): void {
  const command = parent
    .command('schedule')
    .argument('[name]', 'name of the cluster')
    .description(
      'let the control planes make backups by themselves, in a folder of their host; restarts them',
    )
    .option('-n, --name <name>', 'the same as the argument')
    .option('--every <time>', 'how often: 30m, 6h, 1d')
    .option('--keep <count>', 'how many of the cluster are left in the folder', countArgument, 10)
    .option('--to <folder>', 'absolute path of a folder of the host')
    .option('--off', 'no more');
  outputOption(command, ['text', 'json', 'yaml', 'name']).action(
    (name: string | undefined, flags: Flags, self: Command) => backupSchedule(cli, name, flags, self),
  );
}

async function backupSchedule(
  cli: Cli,
  argument: string | undefined,
  flags: Flags,
  command: Command,
): Promise<void> {
  const name = clusterNamed(argument, flags.name);
  const schedule = scheduleOf(flags);
  const api = await cli.api();
  const result = await withProgress(cli, command, async ({ context, say }) => {
    const done = await api.scheduleBackup({ ...context, name, schedule });
    const also = `What there is: knest backup list ${name} --from ${schedule?.to ?? ''}`;
    say(schedule ? also : `Cluster "${name}" makes no more backups; those that there are stay.`);
    return done;
  });
  cli.terminal.stdout.write(
    await renderResult(flags.output, result, { text: () => '', names: () => [result.name] }),
  );
}

/** @throws InputError */
function scheduleOf({ every, keep, to, off }: Flags) {
  if (off) {
    if (every === undefined && to === undefined) return undefined;
    throw new InputError('The flags', [{ path: '--off', message: 'goes without --every and --to' }]);
  }
  if (every !== undefined && to !== undefined) return { every, keep, to };
  const missing = [...(every === undefined ? ['--every'] : []), ...(to === undefined ? ['--to'] : [])];
  throw new InputError(
    'The flags',
    missing.map((path) => ({ path, message: 'is needed, or --off' })),
  );
}
