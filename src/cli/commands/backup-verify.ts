/** knest backup verify */

import type { Command } from 'commander';
import type { VerifyBackupResult } from '../../api/commands.ts';
import { decryptionOptions, type KeyFlags } from '../backup-options.ts';
import { withProgress, type Cli } from '../cli.ts';
import { given, outputOption, type OutputFlag } from '../options.ts';
import { renderResult } from '../output/result.ts';
import { renderTable } from '../output/table.ts';

interface Flags extends OutputFlag, KeyFlags {}

export function addBackupVerify(parent: Command, cli: Cli): void {
  const command = parent
    .command('verify')
    .argument('<file>', 'the backup: a path, or its URL at ssh:// or s3://')
    .description('read all of a backup, start an etcd on it and count its keys; touches no cluster');
  outputOption(decryptionOptions(command), ['text', 'json', 'yaml', 'name']).action(
    (file: string, flags: Flags, self: Command) => backupVerify(cli, file, flags, self),
  );
}

async function backupVerify(cli: Cli, file: string, flags: Flags, command: Command): Promise<void> {
  const { output, passphraseFile, identityFile } = flags;
  const api = await cli.api();
  const result = await withProgress(cli, command, async ({ context, say }) => {
    const decryption = await api.readDecryption(context, given({ passphraseFile, identityFile }));
    const found = await api.verifyBackup({ ...context, file, decryption });
    const { about, keys } = found;
    say(
      `${file} can be restored: "${about.cluster}", Kubernetes ${about.kubernetesVersion}, as of ${about.taken}, ${keys} keys.`,
    );
    return found;
  });
  const rendering = { text: renderKinds, names: () => [result.file] };
  cli.terminal.stdout.write(await renderResult(output, result, rendering));
}

function renderKinds({ kinds }: VerifyBackupResult): string {
  const rows = Object.entries(kinds).map(([kind, count]) => ({ kind, count }));
  return renderTable(
    [
      { heading: 'OBJECTS', cell: ({ kind }) => kind },
      { heading: 'COUNT', cell: ({ count }) => String(count) },
    ],
    rows,
  );
}
