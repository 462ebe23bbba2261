import { execFileSync } from 'node:child_process';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { gunzipSync, gzipSync } from 'node:zlib';

import { describe, expect, it } from 'vitest';

import { backupName, parseBackupName } from '../../../src/formats/backup/names.ts';
import { packBackup } from '../../../src/formats/backup/pack.ts';
import type { BackupMember } from '../../../src/formats/backup/pack.ts';
import { readBackup, skip } from '../../../src/formats/backup/read.ts';

const large = Buffer.alloc(3_000_000, 'volume ');

async function* members(): AsyncGenerator<BackupMember> {
  yield { name: 'backup.json', content: Buffer.from('{"format":1}') };
  yield { name: 'pki/ca.key', content: Buffer.from('key') };
  yield { name: 'empty', content: Buffer.alloc(0) };
  await Promise.resolve();
  const stream = Readable.from([large], { objectMode: false });
  yield { name: 'etcd.db', content: { size: large.length, stream } };
}

const pack = (): Promise<Buffer> => buffer(packBackup(members(), new Date(0)));

async function read(bytes: Buffer): Promise<Record<string, number>> {
  const found: Record<string, number> = {};
  await readBackup(Readable.from([bytes], { objectMode: false }), async (name, content, size) => {
    if (name === 'etcd.db') expect((await buffer(content)).equals(large)).toBe(true);
    else await skip(content);
    found[name] = size;
  });
  return found;
}

describe('a backup', () => {
  it('is read as it was written, and the same members give the same bytes', async () => {
    const bytes = await pack();
    await expect(read(bytes)).resolves.toEqual({
      ...{ 'backup.json': 12, 'pki/ca.key': 3, empty: 0 },
      'etcd.db': large.length,
    });
    expect((await pack()).equals(bytes)).toBe(true);
  });

  it('is a plain tar archive with checksums that sha256sum reads', async () => {
    const script = 'cd "$(mktemp -d)" && tar xzf - && sha256sum --quiet -c SHA256SUMS && ls && rm -rf "$PWD"';
    expect(execFileSync('sh', ['-c', script], { input: await pack() }).toString()).toBe(
      'SHA256SUMS\nbackup.json\nempty\netcd.db\npki\n',
    );
  });

  it('that was changed anywhere is damaged', async () => {
    const tar = gunzipSync(await pack());
    const changed = Buffer.from(tar);
    changed.write('lei', tar.lastIndexOf('key', tar.indexOf('volume ')));
    await expect(read(gzipSync(changed))).rejects.toThrow(/pki\/ca.key has sha256/);
    await expect(read(gzipSync(tar.subarray(0, tar.length - 4096)))).rejects.toThrow(/ends early|checksum/);
    const bytes = await pack();
    await expect(read(bytes.subarray(0, bytes.length - 100))).rejects.toThrow(/ends early/);
    await expect(read(Buffer.from('not gzip'))).rejects.toThrow(/no backup/);
    await expect(read(gzipSync(Buffer.from('no tar')))).rejects.toThrow(/no backup|ends early/);
  });

  it('that cannot be read to its end fails with the reason', async () => {
    async function* failing(): AsyncGenerator<BackupMember> {
      yield { name: 'backup.json', content: Buffer.from('{}') };
      await Promise.resolve();
      throw new Error('the disk is gone');
    }
    await expect(buffer(packBackup(failing(), new Date(0)))).rejects.toThrow('the disk is gone');
  });
});

it('names of backups say of which cluster and when', () => {
  const about = { cluster: 'lab-2', taken: '2026-11-27T11:22:33.456Z', encrypted: true };
  expect(backupName(about)).toBe('lab-2-20261127T112233Z.tar.gz.age');
  const parsed = { ...about, taken: '2026-11-27T11:22:33Z' };
  expect(parseBackupName('lab-2-20261127T112233Z.tar.gz.age')).toEqual(parsed);
  expect(parseBackupName('lab.tar.gz')).toBeUndefined();
  expect(parseBackupName('lab-20261327T112233Z.tar.gz')).toBeUndefined();
});
