/** Password hashes as crypt(5) has them, for /etc/shadow. */

import { createHash } from 'node:crypto';

/** sha512crypt and yescrypt: what every Debian since 11 makes and takes. */
const hashPattern =
  /^\$(6\$(rounds=\d+\$)?[./0-9A-Za-z]{1,16}\$[./0-9A-Za-z]{86}|y\$[./0-9A-Za-z]+\$[./0-9A-Za-z]+\$[./0-9A-Za-z]{43})$/;

/** Whether a text is a whole hash that a machine understands, and no password. */
export function isPasswordHash(text: string): boolean {
  return hashPattern.test(text);
}

const digits = './0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** Characters of a salt, at most. */
const saltLength = 16;

/** What crypt's own base64 makes of random bytes, 12 of them for a whole salt. */
export function saltOf(bytes: Uint8Array): string {
  const text = [...Array(Math.floor(bytes.length / 3)).keys()].map((index) =>
    encode([bytes[3 * index] ?? 0, bytes[3 * index + 1] ?? 0, bytes[3 * index + 2] ?? 0], 4),
  );
  return text.join('').slice(0, saltLength);
}

/**
 * sha512crypt, "$6$SALT$...", with its default of 5000 rounds: 20 ms.
 *
 * Here and not by a program: Node.js has no crypt(3), openssl(1) and mkpasswd(1) need not be on the host, and with
 * either the clear text would have to travel through the whole spec to the place where programs are run. Made while a
 * config is read, nothing behind that ever sees it. The algorithm is fixed: Ulrich Drepper, "Unix crypt using SHA-256
 * and SHA-512" (2007), and its test vectors are among the tests. yescrypt would be the better hash, but is no few lines.
 * @param salt up to 16 of the characters ./0-9A-Za-z
 */
export function sha512Crypt(password: string, salt: string): string {
  const key = Buffer.from(password, 'utf8');
  const salted = Buffer.from(salt.slice(0, saltLength), 'utf8');
  const inner = sha512(key, salted, key);
  const first = sha512(
    key,
    salted,
    repeated(inner, key.length),
    ...bitsOf(key.length).map((bit) => (bit ? inner : key)),
  );
  const p = repeated(sha512(...Array<Buffer>(key.length).fill(key)), key.length);
  const s = repeated(sha512(...Array<Buffer>(16 + (first[0] ?? 0)).fill(salted)), salted.length);
  let digest = first;
  for (let round = 0; round < 5000; round += 1) {
    const odd = round % 2 === 1;
    digest = sha512(
      odd ? p : digest,
      ...(round % 3 === 0 ? [] : [s]),
      ...(round % 7 === 0 ? [] : [p]),
      odd ? digest : p,
    );
  }
  return `$6$${salted.toString()}$${encodeDigest(digest)}`;
}

/**
 * Whether a hash is that of a password. Only for those that sha512Crypt makes: of others (yescrypt, other rounds) nobody
 * can tell here, and the answer is no.
 */
export function isPasswordOf(password: string, hash: string): boolean {
  const salt = /^\$6\$([./0-9A-Za-z]{1,16})\$/.exec(hash)?.[1];
  return salt !== undefined && sha512Crypt(password, salt) === hash;
}

function sha512(...parts: readonly Buffer[]): Buffer {
  const hash = createHash('sha512');
  for (const part of parts) hash.update(part);
  return hash.digest();
}

function repeated(block: Buffer, length: number): Buffer {
  return Buffer.alloc(length, block);
}

/** Binary digits, the lowest first. */
function bitsOf(number: number): boolean[] {
  const count = number === 0 ? 0 : Math.floor(Math.log2(number)) + 1;
  return [...Array(count).keys()].map((place) => ((number >> place) & 1) === 1);
}

/** The order of bytes is the algorithm's: three thirds of the digest side by side, turned by one place each time. */
function encodeDigest(digest: Buffer): string {
  const byte = (index: number): number => digest[index] ?? 0;
  const groups = [...Array(21).keys()].map((index) => {
    const three = [index, index + 21, index + 42];
    const turn = index % 3;
    const [a = 0, b = 0, c = 0] = [...three.slice(turn), ...three.slice(0, turn)];
    return encode([byte(a), byte(b), byte(c)], 4);
  });
  return groups.join('') + encode([0, 0, byte(63)], 2);
}

/** Six bits a character, the lowest first. */
function encode([high, middle, low]: readonly [number, number, number], length: number): string {
  const bits = (high << 16) | (middle << 8) | low;
  return [...Array(length).keys()].map((index) => digits[(bits >> (6 * index)) & 63]).join('');
}
