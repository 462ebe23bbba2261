import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';

import { pack } from 'tar-stream';
import type { Pack } from 'tar-stream';

import { memberNames } from './contents.ts';

/** A member of a backup; of large ones the size must be known beforehand. */
export interface BackupMember {
  name: string;
  content: Uint8Array | { size: number; stream: Readable };
}

/**
 * The bytes of a backup with these members and their checksums. They are asked for one after the other, as they are read.
 * @param mtime of all members, so that the same ones give the same bytes
 */
export function packBackup(members: AsyncIterable<BackupMember>, mtime: Date): Readable {
  const archive = pack();
  const compressed = archive.pipe(createGzip());
  fill(archive, members, mtime).catch((error: unknown) => {
    const reason = error instanceof Error ? error : new Error(String(error));
    // who reads it is told by what they read
    archive.on('error', () => undefined);
    archive.destroy(reason);
    compressed.destroy(reason);
  });
  return compressed;
}

async function fill(archive: Pack, members: AsyncIterable<BackupMember>, mtime: Date): Promise<void> {
  const sums: string[] = [];
  const add = async ({ name, content }: BackupMember): Promise<void> => {
    const hash = createHash('sha256');
    // only for who may read the keys
    const header = { name, mode: 0o600, mtime, uid: 0, gid: 0 };
    if (content instanceof Uint8Array) {
      hash.update(content);
      await addWhole(archive, header, Buffer.from(content));
    } else {
      const entry = archive.entry({ ...header, size: content.size });
      await pipeline(content.stream, hashing(hash), entry);
    }
    sums.push(`${hash.digest('hex')}  ${name}\n`);
  };
  for await (const member of members) await add(member);
  await add({ name: memberNames.sums, content: Buffer.from(sums.join('')) });
  archive.finalize();
}

function addWhole(archive: Pack, header: Parameters<Pack['entry']>[0], content: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    archive.entry(header, content, (error) => {
      if (error) reject(error);
      else resolve();
    });
  });
}

function hashing(hash: ReturnType<typeof createHash>) {
  return async function* (content: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const chunk of content) {
      hash.update(chunk);
      yield chunk;
    }
  };
}
