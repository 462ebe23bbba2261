import { createWriteStream } from 'node:fs';
import { mkdtemp, open, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';

import { CommandError, KnestError } from '../errors.ts';
import type { Host } from '../host/types.ts';
import { decompressCommand, decompressorOf, magicLength } from '../tools/decompress.ts';

/** An archive that can be read several times and is not compressed. */
export interface PlainArchive {
  path: string;
  /** Takes a copy away that was made for it. */
  dispose: () => Promise<void>;
}

/**
 * Several nodes take the same archive: what is compressed is decompressed once, into a copy, and so is what comes from
 * a pipe.
 * @param input where the archive comes from instead of the file
 * @throws Error in the user's words
 */
export async function openPlainArchive(
  host: Host,
  file: string,
  input?: NodeJS.ReadableStream,
): Promise<PlainArchive> {
  const copies: string[] = [];
  const dispose = async (): Promise<void> => {
    for (const folder of copies) await rm(folder, { recursive: true, force: true });
  };
  const copyPath = async (): Promise<string> => {
    // not /tmp, which may be in memory; what a killed knest leaves, the host tidies up (tmpfiles.d(5))
    const folder = await mkdtemp('/var/tmp/knest-archive-');
    copies.push(folder);
    return join(folder, 'archive.tar');
  };
  try {
    let path = file;
    if (input) {
      path = await copyPath();
      await pipeline(input, createWriteStream(path, { mode: 0o600 }));
    }
    const program = decompressorOf(await beginningOf(path));
    if (program !== undefined) {
      const target = await copyPath();
      await decompress(host, program, path, target);
      path = target;
    }
    return { path, dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

async function beginningOf(path: string): Promise<Uint8Array> {
  if ((await stat(path)).isDirectory()) {
    throw new KnestError('is a folder, not an archive', {
      code: 'ARCHIVE_UNUSABLE',
      hint: `an OCI layout goes in as a tar archive: tar --create --directory ${path} --file image.tar .`,
    });
  }
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(magicLength), 0, magicLength, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

async function decompress(host: Host, program: string, path: string, target: string): Promise<void> {
  try {
    await host.run(decompressCommand(program, path, target));
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    if (error.exitCode === 127) {
      throw new KnestError(`is compressed with ${program}, which is not installed on ${host.name}`, {
        code: 'ARCHIVE_UNUSABLE',
        hint: 'install it, or decompress the file where it is',
      });
    }
    const why = error.stderr.trim().split('\n').at(-1) ?? '';
    throw new KnestError(`cannot be decompressed: ${why}`, { code: 'ARCHIVE_UNUSABLE', cause: error });
  }
}
