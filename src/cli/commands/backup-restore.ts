/** knest backup restore */

import type { Command } from 'commander';
import { decryptionOptions, type KeyFlags } from '../backup-options.ts';
import { withProgress, type Cli } from '../cli.ts';
import { nextSteps } from '../next-steps.ts';
import {
  given,
  kubeconfigOption,
  outputOption,
  waitOption,
  yesOption,
  type KubeconfigFlag,
  type OutputFlag,
} from '../options.ts';
import { renderResult } from '../output/result.ts';

interface Flags extends OutputFlag, KeyFlags, KubeconfigFlag {
  name?: string;
  /** Milliseconds. */
  wait: number;
  retain?: true;
  yes?: true;
}

export function addBackupRestore(parent: Command, cli: Cli): void {
  const command = parent
    .command('restore')
    .argument('<file>', 'the backup: a path, or its URL at ssh:// or s3://')
    .description(
      'make the cluster of a backup again, here: with its objects, keys, and the volumes that are in it',
    )
    .option('-n, --name <name>', 'another name for it (default: the one that it had)')
    .option('--retain', 'keep what was made when restoring fails, to look at it');
  const more = yesOption(kubeconfigOption(waitOption(decryptionOptions(command))));
  outputOption(more, ['text', 'json', 'yaml', 'name']).action((file: string, flags: Flags, self: Command) =>
    backupRestore(cli, file, flags, self),
  );
}

async function backupRestore(cli: Cli, file: string, flags: Flags, command: Command): Promise<void> {
  const { name, wait, retain = false, yes = false, kubeconfig, passphraseFile, identityFile } = flags;
  const api = await cli.api();
  const result = await withProgress(cli, command, async ({ context, say }) => {
    const decryption = await api.readDecryption(context, given({ passphraseFile, identityFile }));
    const restored = await api.restoreBackup({
      ...{ ...context, file, decryption, wait, retain, yes },
      ...given({ name, kubeconfig }),
    });
    const { about } = restored;
    say(`Restored: "${about.cluster}" as of ${about.taken}, ${about.etcd.keys} objects.`);
    say(nextSteps(restored, { waited: wait > 0, kubeconfig, env: cli.terminal.env }));
    return restored;
  });
  const rendering = { text: () => '', names: () => [result.name] };
  cli.terminal.stdout.write(await renderResult(flags.output, result, rendering));
}
