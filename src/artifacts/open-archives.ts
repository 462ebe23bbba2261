import type { Readable } from 'node:stream';

import type { ArchiveImage } from './image-archive.ts';
import { openPlainArchive } from './plain-archive.ts';
import type { PlainArchive } from './plain-archive.ts';
import { InputError, KnestError, messageOf } from '../errors.ts';
import type { Problem } from '../errors.ts';
import type { Host } from '../host/types.ts';
import { isRegularFile } from '../workstation/links.ts';

export interface OpenArchive {
  /** As the user calls it. */
  file: string;
  /** Its bytes, not compressed. */
  open: () => Readable;
  images: readonly ArchiveImage[];
}

export interface ArchiveSource {
  file: string;
  /** Instead of reading the file. */
  input?: Readable;
  /** It will be read again, from where it is: a pipe will not do. */
  lasting?: boolean;
}

/**
 * Archives of the user's for as long as `use` takes.
 * @param nameOf how the user knows the one at this place, for messages
 * @throws InputError with all that are none
 */
export async function withArchives<T>(
  { local, arch }: { local: Host; arch: string },
  sources: readonly ArchiveSource[],
  nameOf: (index: number) => string,
  use: (archives: readonly OpenArchive[]) => Promise<T>,
): Promise<T> {
  const copies: PlainArchive[] = [];
  const open = async ({ file, input, lasting }: ArchiveSource): Promise<OpenArchive> => {
    // loaded where there is an archive: few commands have one
    const { readImageArchive } = await import('./image-archive.ts');
    if (lasting && (await isPipe(local, file))) throw onlyOnce();
    const plain = await openPlainArchive(local, file, input);
    copies.push(plain);
    return { file, open: plain.open, images: await readImageArchive(plain.open(), arch) };
  };
  try {
    const results = await Promise.allSettled(sources.map(open));
    const problems = results.flatMap((result, index) =>
      result.status === 'rejected' ? [problemOf(nameOf(index), result.reason)] : [],
    );
    if (problems.length > 0) throw new InputError('archives of images', problems);
    return await use(results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : [])));
  } finally {
    for (const copy of copies) await copy.dispose();
  }
}

async function isPipe(local: Host, file: string): Promise<boolean> {
  if (await isRegularFile(local, file)) return false;
  const kind = (await local.stat(file))?.kind;
  // a link that leads to no file: to a pipe, which has no name, or to nothing
  return kind === 'other' || (kind === 'link' && file.startsWith('/dev/'));
}

function onlyOnce(): KnestError {
  return new KnestError('is a pipe, which can be read only once', {
    code: 'ARCHIVE_UNUSABLE',
    hint: 'nodes have it from their beginning, also those that come later: write it into a file',
  });
}

function problemOf(path: string, error: unknown): Problem {
  if (error instanceof KnestError) {
    return { path, message: error.message, ...(error.hint === undefined ? {} : { hint: error.hint }) };
  }
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') {
    return { path, message: 'there is no such file' };
  }
  return { path, message: messageOf(error) };
}
