/** Flags that the commands of backups share. */

import type { Command } from 'commander';
import { InputError } from '../errors.ts';
import { defaults } from '../spec/words.ts';

export interface KeyFlags {
  passphraseFile?: string;
  identityFile?: string;
}

/** What an encrypted backup is read with. */
export function decryptionOptions(command: Command): Command {
  return command
    .option('--passphrase-file <file>', 'file with the passphrase of an encrypted backup, "-" for stdin')
    .option('--identity-file <file>', 'file with private keys of age that open it');
}

/** A cluster by an argument or by --name; without both the default one. @throws InputError for two different ones */
export function clusterNamed(argument: string | undefined, flag: string | undefined): string {
  if (argument !== undefined && flag !== undefined && argument !== flag) {
    const message = `is "${flag}", and the argument is "${argument}"`;
    throw new InputError('The flags', [{ path: '--name', message }]);
  }
  return argument ?? flag ?? defaults.name;
}
