import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';

import { KnestError, messageOf } from '../errors.ts';
import { archivePath } from '../plan/images-layer.ts';
import type { ImagesLayer } from '../plan/images-layer.ts';
import { writeHashed } from './hashed-copy.ts';
import { forgetFiles } from './known-files.ts';
import { openPlainArchive } from './plain-archive.ts';
import type { BuildContext, BuildFolders } from './types.ts';

/**
 * Brings the user's archives of a layer into it, not compressed: they are read at each node's first boot.
 * @throws KnestError when a file is gone, or is another one than when the plan was made
 */
export async function buildImages(
  { archives }: ImagesLayer,
  { target }: BuildFolders,
  { host, user, paths, progress }: BuildContext,
): Promise<void> {
  for (const archive of archives) {
    const { file, digest } = archive;
    progress(`copying ${file}`);
    const plain = await openPlainArchive(user.local, file).catch((error: unknown) => {
      throw new KnestError(`${file} cannot be read: ${messageOf(error)}`, {
        code: 'FILE_UNUSABLE',
        hint: 'nodes have it from their beginning (images): put it back',
        cause: error,
      });
    });
    try {
      const written = await writeHashed(host, target + archivePath(archive), plain.open(), 0o644);
      if (written !== digest) {
        await forgetFiles([file], { local: user.local, host, paths });
        throw new KnestError(`${file} has changed since it was read`, {
          code: 'SOURCE_CHANGED',
          hint: 'run the same command again',
        });
      }
    } finally {
      await plain.dispose();
    }
  }
}

/** sha256 of all that comes, as hexadecimal digits. */
export async function digestOf(stream: Readable): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of stream) hash.update(chunk as Buffer);
  return hash.digest('hex');
}
