/** root's password in the nodes: clear text in a config file, only its hash in the spec and everything behind it. */

import { randomBytes } from 'node:crypto';

import { isPasswordHash, isPasswordOf, saltOf, sha512Crypt } from '../formats/password-hash.ts';

/** Longest one that PAM reads (PAM_MAX_RESP_SIZE is 512). */
const longest = 256;

/** Never says the password: messages end up in logs. */
export function rootPasswordProblem(text: string): string | undefined {
  if (text === '') return 'must not be empty; leave it out for none';
  if (isPasswordHash(text)) return undefined;
  if (/^\$[a-z0-9]+\$/.test(text))
    return 'looks like a hash, but not like a whole one of sha512crypt ($6$...) or yescrypt ($y$...)';
  // eslint-disable-next-line no-control-regex -- they are what is looked for
  if (/[\u0000-\u001f\u007f]/.test(text)) return 'must be one line without control characters';
  return Buffer.byteLength(text) > longest ? `must be at most ${longest} bytes` : undefined;
}

/**
 * A hash as it is; a password hashed, with another salt each time. So a cluster whose creation was killed is not
 * continued with the same password but made anew: nobody can know any more that it is the same.
 */
export function rootPasswordHash(text: string): string {
  return isPasswordHash(text) ? text : sha512Crypt(text, saltOf(randomBytes(12)));
}

/**
 * The hash of a password that a cluster is to have; the present one where the password is the same, because another salt
 * would be another hash, and every node would be changed for nothing.
 * @param present the hash that the cluster has
 */
export function keptPasswordHash(text: string, present: string | undefined): string {
  if (isPasswordHash(text)) return text;
  return present !== undefined && isPasswordOf(text, present) ? present : rootPasswordHash(text);
}
