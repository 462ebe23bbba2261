import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { finished } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';

import { extract } from 'tar-stream';

import { messageOf } from '../../errors.ts';
import { memberNames } from './contents.ts';

/** A backup is not what its checksums say, or none at all. */
export class BackupFault extends Error {
  override readonly name = 'BackupFault';
}

/** Takes a member and reads it to its end: see skip(). */
export type OnMember = (name: string, content: Readable, size: number) => Promise<void>;

/**
 * Reads a backup from its beginning to its end, in one go.
 * @param content of the file, no longer encrypted
 * @throws BackupFault when it is damaged, which is known for certain only at its end
 */
export async function readBackup(content: Readable, onMember: OnMember): Promise<void> {
  const found = new Map<string, string>();
  let sums: string | undefined;
  const archive = extract();
  const unzipped = createGunzip();
  const fail = (error: Error): void => {
    archive.destroy(error);
  };
  content.on('error', fail);
  unzipped.on('error', (error) => {
    fail(new BackupFault(`it is no backup, or ends early (${error.message})`));
  });
  content.pipe(unzipped).pipe(archive);
  try {
    for await (const entry of archive) {
      const { name, size } = entry.header;
      const bytes = entry as unknown as AsyncIterable<Buffer>;
      if (sums !== undefined) throw new BackupFault(`${name} comes after the checksums`);
      if (found.size === 0 && name !== memberNames.about)
        throw new BackupFault(`it does not begin with ${memberNames.about}`);
      if (name === memberNames.sums) {
        sums = (await buffer(bytes)).toString();
        continue;
      }
      const hash = createHash('sha256');
      const seen = Readable.from(hashing(bytes, hash), { objectMode: false });
      await onMember(name, seen, size);
      if (!seen.readableEnded) throw new Error(`nobody has read ${name}`);
      found.set(name, hash.digest('hex'));
    }
  } catch (error) {
    if (error instanceof BackupFault || !isOfArchive(error)) throw error;
    throw new BackupFault(`it is no backup, or ends early (${messageOf(error)})`);
  } finally {
    content.destroy();
    unzipped.destroy();
  }
  compare(found, sums);
}

/** Reads over a member, which counts for its checksum all the same. */
export async function skip(content: Readable): Promise<void> {
  content.resume();
  await finished(content);
}

async function* hashing(content: AsyncIterable<Buffer>, hash: ReturnType<typeof createHash>) {
  for await (const chunk of content) {
    hash.update(chunk);
    yield chunk;
  }
}

/** What tar-stream says of headers that are none, and of an archive that is cut off. */
function isOfArchive(error: unknown): boolean {
  return /invalid tar header|unexpected end of data|invalid header/i.test(messageOf(error));
}

function compare(found: ReadonlyMap<string, string>, sums: string | undefined): void {
  if (sums === undefined) throw new BackupFault('it ends early: its checksums are missing');
  const told = new Map(
    sums
      .split('\n')
      .filter((line) => line !== '')
      .map((line): [string, string] => [line.slice(66), line.slice(0, 64)]),
  );
  for (const [name, sha256] of told) {
    const own = found.get(name);
    if (own === undefined) throw new BackupFault(`${name} is missing`);
    if (own !== sha256) throw new BackupFault(`${name} has sha256 ${own}, and its checksums say ${sha256}`);
  }
  for (const name of found.keys()) {
    if (!told.has(name)) throw new BackupFault(`${name} has no checksum`);
  }
}
