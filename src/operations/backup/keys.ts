import { text } from 'node:stream/consumers';

import type { Decryption, Encryption } from '../../artifacts/backup/encryption.ts';
import { InputError, messageOf } from '../../errors.ts';
import type { Problem } from '../../errors.ts';
import type { Workstation } from '../../workstation/workstation.ts';
import { openSession } from '../session.ts';
import type { Context } from '../types.ts';

export interface KeyFiles {
  /** File whose first line is the passphrase; "-" is standard input. */
  passphraseFile?: string;
  /** Public keys of age. */
  recipients?: readonly string[];
  /** File with private keys of age. */
  identityFile?: string;
}

/** To whom a backup is encrypted. @throws InputError for files that cannot be read */
export async function readEncryption(
  context: Context,
  { passphraseFile, recipients = [] }: KeyFiles,
): Promise<Encryption> {
  const { workstation } = openSession(context);
  if (passphraseFile === undefined) return { recipients };
  return { passphrase: await passphraseOf(workstation, passphraseFile), recipients };
}

/** What a backup is read with. @throws InputError for files that cannot be read */
export async function readDecryption(
  context: Context,
  { passphraseFile, identityFile }: KeyFiles,
): Promise<Decryption> {
  const { workstation } = openSession(context);
  return {
    ...(passphraseFile === undefined ? {} : { passphrase: await passphraseOf(workstation, passphraseFile) }),
    ...(identityFile === undefined
      ? {}
      : { identities: await textOf(workstation, identityFile, '--identity-file') }),
  };
}

async function passphraseOf(workstation: Workstation, file: string): Promise<string> {
  const flag = '--passphrase-file';
  const [line = ''] = (await textOf(workstation, file, flag)).split('\n');
  const passphrase = line.replace(/\r$/, '');
  if (passphrase !== '') return passphrase;
  throw refused({ path: flag, message: `the first line of ${file} is empty` });
}

async function textOf({ local, stdin }: Workstation, file: string, flag: string): Promise<string> {
  if (file === '-') return text(stdin());
  const content = await local.readFile(file).catch((error: unknown) => {
    throw refused({ path: flag, message: `cannot be read: ${messageOf(error)}` });
  });
  if (content !== undefined) return content;
  throw refused({ path: flag, message: `there is no file ${file}` });
}

function refused(problem: Problem): InputError {
  return new InputError('the keys of the backup', [problem]);
}
