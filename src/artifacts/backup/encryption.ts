/** Backups that only who has the passphrase or the key can read: age's format (age-encryption.org/v1), by its author's library. */

import { Readable } from 'node:stream';

import { InputError, KnestError, messageOf } from '../../errors.ts';

/** To whom a backup is encrypted. */
export interface Encryption {
  passphrase?: string;
  /** Public keys: "age1...". */
  recipients?: readonly string[];
}

/** What a backup may be read with. */
export interface Decryption {
  passphrase?: string;
  /** Text of a file with private keys, one a line, as age-keygen writes it. */
  identities?: string;
}

export function isEncryption({ passphrase, recipients = [] }: Encryption): boolean {
  return passphrase !== undefined || recipients.length > 0;
}

/** @throws InputError for a recipient that is none, or a passphrase beside recipients */
export async function encrypt(
  content: Readable,
  { passphrase, recipients = [] }: Encryption,
): Promise<Readable> {
  // loaded here: only encrypted backups need it
  const { Encrypter } = await import('age-encryption');
  const encrypter = new Encrypter();
  if (passphrase !== undefined && recipients.length > 0) {
    throw refused('--recipient', 'cannot be together with --passphrase-file: age has either of them');
  }
  if (passphrase !== undefined) encrypter.setPassphrase(passphrase);
  for (const recipient of recipients) {
    try {
      encrypter.addRecipient(recipient);
    } catch (error) {
      throw refused('--recipient', `"${recipient}" is no public key of age: ${messageOf(error)}`);
    }
  }
  return fromWeb(await encrypter.encrypt(toWeb(content)));
}

/**
 * @param file for messages
 * @throws InputError for keys that are none; KnestError when none of them opens it
 */
export async function decrypt(
  content: Readable,
  file: string,
  { passphrase, identities }: Decryption,
): Promise<Readable> {
  if (passphrase === undefined && identities === undefined) {
    content.destroy();
    throw refused('--passphrase-file', `${file} is encrypted: it takes its passphrase, or --identity-file`);
  }
  const { Decrypter } = await import('age-encryption');
  const decrypter = new Decrypter();
  if (passphrase !== undefined) decrypter.addPassphrase(passphrase);
  const keys = (identities ?? '').split('\n').map((line) => line.trim());
  for (const key of keys.filter((line) => line !== '' && !line.startsWith('#'))) {
    try {
      decrypter.addIdentity(key);
    } catch {
      throw refused('--identity-file', 'a line of it is no private key of age');
    }
  }
  try {
    return fromWeb(await decrypter.decrypt(toWeb(content)));
  } catch (error) {
    content.destroy();
    throw new KnestError(`${file} cannot be decrypted: ${messageOf(error)}`, {
      code: 'BACKUP_UNUSABLE',
      hint: 'it takes the passphrase or the key that it was encrypted to',
      cause: error,
    });
  }
}

function refused(path: string, message: string): InputError {
  return new InputError('the encryption', [{ path, message }]);
}

/** Node.js and age have each their own type of the same thing. */
type AnyWeb = ReadableStream<Uint8Array>;

function toWeb(content: Readable): AnyWeb {
  return Readable.toWeb(content);
}

function fromWeb(content: AnyWeb): Readable {
  return Readable.fromWeb(content);
}
