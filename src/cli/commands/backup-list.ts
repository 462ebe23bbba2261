/** knest backup list */

import type { Command } from 'commander';
import type { BackupSummary } from '../../api/commands.ts';
import { clusterNamed } from '../backup-options.ts';
import { withProgress, type Cli } from '../cli.ts';
import { outputOption, type OutputFlag } from '../options.ts';
import { renderBytes } from '../output/bytes.ts';
import { formatAge } from '../output/duration.ts';
import { renderResult } from '../output/result.ts';
import { renderTable } from '../output/table.ts';

interface Flags extends OutputFlag {
  name?: string;
  from: string;
}

export function addBackupList(parent: Command, cli: Cli): void {
  const command = parent
    .command('list')
    .alias('ls')
    .argument('[name]', 'only those of this cluster')
    .description('list the backups in a place, the newest first')
    .option('-n, --name <name>', 'the same as the argument')
    .option('--from <place>', 'a folder, ssh://HOST/FOLDER or s3://BUCKET/PREFIX', '.');
  outputOption(command, ['text', 'json', 'yaml', 'name']).action(
    (name: string | undefined, flags: Flags, self: Command) => backupList(cli, name, flags, self),
  );
}

async function backupList(
  cli: Cli,
  argument: string | undefined,
  { name: flag, from, output }: Flags,
  command: Command,
): Promise<void> {
  const only = argument === undefined && flag === undefined ? {} : { name: clusterNamed(argument, flag) };
  const api = await cli.api();
  const backups = await withProgress(cli, command, async ({ context, say }) => {
    const found = await api.listBackups({ ...context, from, ...only });
    if (found.length === 0) say(`There is no backup in ${from}.`);
    return found;
  });
  const rendering = {
    text: (all: BackupSummary[]) => (all.length === 0 ? '' : renderBackups(all, new Date())),
    names: (all: BackupSummary[]) => all.map(({ file }) => file),
  };
  cli.terminal.stdout.write(await renderResult(output, backups, rendering));
}

/** Backups as a table. */
export function renderBackups(backups: readonly BackupSummary[], now: Date): string {
  return renderTable(
    [
      { heading: 'FILE', cell: ({ file }) => file },
      { heading: 'CLUSTER', cell: ({ cluster }) => cluster },
      { heading: 'AGE', cell: ({ taken }) => formatAge(new Date(taken), now) },
      { heading: 'SIZE', cell: ({ size }) => renderBytes(size) },
      { heading: 'ENCRYPTED', cell: ({ encrypted }) => (encrypted ? 'yes' : 'no') },
    ],
    backups,
  );
}
