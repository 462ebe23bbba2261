import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';

import { KnestError, messageOf } from '../errors.ts';
import { archivePath } from '../plan/images-layer.ts';
import type { ImagesLayer } from '../plan/images-layer.ts';
import { openPlainArchive } from './plain-archive.ts';
import type { BuildContext, BuildFolders } from './types.ts';

/**
 * Copies the archives of a layer into it, not compressed: they are read at each node's first boot.
 * @throws KnestError when a file is gone, or is another one than when the plan was made
 */
export async function buildImages(
  { archives }: ImagesLayer,
  { target }: BuildFolders,
  { host, progress }: BuildContext,
): Promise<void> {
  for (const archive of archives) {
    const { file, digest } = archive;
    progress(`copying ${file}`);
    const plain = await openPlainArchive(host, file).catch((error: unknown) => {
      throw new KnestError(`${file} cannot be read: ${messageOf(error)}`, {
        code: 'ARCHIVE_UNUSABLE',
        hint: 'nodes have it from their beginning (images): put it back',
        cause: error,
      });
    });
    try {
      const copy = target + archivePath(archive);
      await host.makeDirectory(copy.slice(0, copy.lastIndexOf('/')), 0o755);
      await host.run(['cp', '--reflink=auto', '--', plain.path, copy]);
      if ((await digestOfFile(copy)) !== digest) {
        throw new KnestError(`${file} has changed since it was read`, {
          code: 'SOURCE_CHANGED',
          hint: 'run the same command again',
        });
      }
      await host.run(['chmod', '0644', '--', copy]);
    } finally {
      await plain.dispose();
    }
  }
}

/** sha256, as hexadecimal digits. */
export async function digestOfFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}
