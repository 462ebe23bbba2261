/** knest backup create */

import type { Command } from 'commander';
import { clusterNamed } from '../backup-options.ts';
import { withProgress, type Cli } from '../cli.ts';
import { given, outputOption, type OutputFlag } from '../options.ts';
import { renderBytes } from '../output/bytes.ts';
import { renderResult } from '../output/result.ts';
import { readVersion } from '../../workstation/package-file.ts';

interface Flags extends OutputFlag {
  name?: string;
  to: string;
  volumes?: true;
  passphraseFile?: string;
  recipient: string[];
}

export function addBackupCreate(parent: Command, cli: Cli): void {
  const command = parent
    .command('create')
    .argument('[name]', 'name of the cluster')
    .description(
      'write config, keys and all objects of a cluster into one file; the cluster goes on meanwhile',
    )
    .option('-n, --name <name>', 'the same as the argument')
    .option('--to <place>', 'a folder, ssh://HOST/FOLDER or s3://BUCKET/PREFIX', '.')
    .option('--volumes', 'with the data of volumes of the default StorageClass')
    .option('--passphrase-file <file>', 'encrypt it to the passphrase in this file, "-" for stdin')
    .option(
      '--recipient <key>',
      'encrypt it to this public key of age; may be given several times',
      (key: string, others: string[]) => [...others, key],
      [],
    );
  outputOption(command, ['text', 'json', 'yaml', 'name']).action(
    (name: string | undefined, flags: Flags, self: Command) => backupCreate(cli, name, flags, self),
  );
}

async function backupCreate(
  cli: Cli,
  argument: string | undefined,
  flags: Flags,
  command: Command,
): Promise<void> {
  const { to, volumes = false, passphraseFile, recipient: recipients, output } = flags;
  const name = clusterNamed(argument, flags.name);
  const api = await cli.api();
  const result = await withProgress(cli, command, async ({ context, say }) => {
    const encryption = await api.readEncryption(context, { ...given({ passphraseFile }), recipients });
    const made = await api.createBackup({
      ...{ ...context, name, to, volumes, encryption, knest: readVersion() },
    });
    const { place, file, size, about } = made;
    say(
      [
        `${renderBytes(size)}, ${about.etcd.keys} objects${made.encrypted ? ', encrypted' : ''}.`,
        ...(made.encrypted
          ? []
          : ['It has the keys of the cluster: who can read it can be its administrator.']),
        `  knest backup verify ${place}/${file}`,
      ].join('\n'),
    );
    return made;
  });
  const path = `${result.place}/${result.file}`;
  cli.terminal.stdout.write(
    await renderResult(output, result, { text: () => `${path}\n`, names: () => [path] }),
  );
}
