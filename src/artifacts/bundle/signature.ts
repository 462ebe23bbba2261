import { createPrivateKey, createPublicKey, sign, verify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';

import { InputError } from '../../errors.ts';

/**
 * The key to sign with, from PEM: openssl genpkey -algorithm ed25519.
 * @param flag who named the file
 * @throws InputError
 */
export function signingKey(pem: string, flag: string): KeyObject {
  return ed25519(() => createPrivateKey(pem), flag, 'a private key');
}

/** The key to check with, from PEM: openssl pkey -in KEY -pubout; a private key has it, too. @throws InputError */
export function verifyingKey(pem: string, flag: string): KeyObject {
  return ed25519(() => createPublicKey(pem), flag, 'a public key');
}

function ed25519(read: () => KeyObject, flag: string, what: string): KeyObject {
  const refuse = (why: string): never => {
    const hint =
      'openssl genpkey -algorithm ed25519 -out key.pem; openssl pkey -in key.pem -pubout -out key.pub.pem';
    throw new InputError('the key', [
      { path: flag, message: `is ${why}, and not ${what} of ed25519 in PEM`, hint },
    ]);
  };
  let key: KeyObject;
  try {
    key = read();
  } catch {
    return refuse('something else, or has a password');
  }
  return key.asymmetricKeyType === 'ed25519' ? key : refuse(`of ${key.asymmetricKeyType ?? 'no known kind'}`);
}

/** Text of one line; always as long. */
export function signatureOf(bytes: Uint8Array, key: KeyObject): string {
  return `${sign(null, bytes, key).toString('base64')}\n`;
}

export function isSignedBy(bytes: Uint8Array, signature: string, key: KeyObject): boolean {
  return verify(null, bytes, key, Buffer.from(signature, 'base64'));
}
