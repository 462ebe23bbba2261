import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';

import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import { expect, it } from 'vitest';

import { decrypt, encrypt } from '../../../src/artifacts/backup/encryption.ts';

const plain = Buffer.alloc(300_000, 'objects of a cluster ');
const stream = (bytes: Buffer): Readable => Readable.from([bytes], { objectMode: false });

it('a backup is read with the key that it was encrypted to, and with no other', async () => {
  const identity = await generateX25519Identity();
  const secret = await buffer(
    await encrypt(stream(plain), { recipients: [await identityToRecipient(identity)] }),
  );
  expect(secret.subarray(0, 22).toString()).toBe('age-encryption.org/v1\n');
  const open = (identities: string): Promise<Buffer> =>
    decrypt(stream(secret), 'a.age', { identities }).then(buffer);
  expect((await open(`# created by age-keygen\n${identity}\n`)).equals(plain)).toBe(true);
  await expect(open(await generateX25519Identity())).rejects.toMatchObject({ code: 'BACKUP_UNUSABLE' });
  await expect(open('no key')).rejects.toThrow(/1 problem/);
  await expect(decrypt(stream(secret), 'a.age', {})).rejects.toMatchObject({ code: 'INVALID_INPUT' });
});

it('a backup is read with its passphrase', { timeout: 60_000 }, async () => {
  const secret = await buffer(await encrypt(stream(plain), { passphrase: 'correct horse' }));
  const open = (passphrase: string): Promise<Buffer> =>
    decrypt(stream(secret), 'a.age', { passphrase }).then(buffer);
  expect((await open('correct horse')).equals(plain)).toBe(true);
  await expect(open('wrong')).rejects.toMatchObject({ code: 'BACKUP_UNUSABLE' });
});

it('what cannot be encrypted to is refused before anything is written', async () => {
  await expect(encrypt(stream(plain), { recipients: ['ssh-rsa AAAA'] })).rejects.toMatchObject({
    code: 'INVALID_INPUT',
  });
  await expect(encrypt(stream(plain), { passphrase: 'a', recipients: ['age1'] })).rejects.toMatchObject({
    code: 'INVALID_INPUT',
  });
});

it('an encrypted backup that was changed does not open', async () => {
  const identity = await generateX25519Identity();
  const secret = await buffer(
    await encrypt(stream(plain), { recipients: [await identityToRecipient(identity)] }),
  );
  secret.writeUInt8(secret.readUInt8(200_000) ^ 1, 200_000);
  await expect(decrypt(stream(secret), 'a.age', { identities: identity }).then(buffer)).rejects.toThrow();
});
