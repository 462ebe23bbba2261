import { randomBytes } from 'node:crypto';
import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';

import { CommandError, KnestError } from '../errors.ts';
import type { Host } from '../host/types.ts';
import { decompressCommand, decompressorOf, magicLength } from '../tools/decompress.ts';
import { behindLinks, isRegularFile } from '../workstation/links.ts';

/** An archive that can be read several times and is not compressed. */
export interface PlainArchive {
  /** From its beginning. */
  open: () => Readable;
  /** Takes a copy away that was made for it. */
  dispose: () => Promise<void>;
}

/**
 * An archive of the user's, to be sent to nodes. Several nodes take the same: what is compressed is decompressed once,
 * into a copy, and so is what comes from a pipe.
 * @param local the machine that the user sits at: the file is there, and so are the copies
 * @param input where the archive comes from instead of the file
 * @throws Error in the user's words
 */
export async function openPlainArchive(local: Host, file: string, input?: Readable): Promise<PlainArchive> {
  // not /tmp, which may be in memory; what a killed knest leaves, the host tidies up (tmpfiles.d(5))
  const copies = `/var/tmp/knest-archive-${randomBytes(6).toString('hex')}`;
  let copied = false;
  const dispose = async (): Promise<void> => {
    if (copied) await local.remove(copies);
  };
  const copyPath = async (name: string): Promise<string> => {
    copied = true;
    await local.makeDirectory(copies, 0o700);
    return `${copies}/${name}`;
  };
  try {
    let path = file;
    const once = input === undefined && !(await isRegularFile(local, file));
    if (once) await refuseFolder(local, file);
    if (input || once) {
      path = await copyPath('input');
      // a pipe by the name that the user gave: what /dev/fd/63 leads to has none
      await local.writeStream(path, input ?? local.readStream(file), 0o600);
    }
    const program = decompressorOf(await beginningOf(local, path));
    if (program !== undefined) {
      const target = await copyPath('archive.tar');
      await decompress(local, program, path, target);
      path = target;
    }
    return { open: () => local.readStream(path), dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

async function refuseFolder(local: Host, file: string): Promise<void> {
  const path = (await behindLinks(local, file)) ?? file;
  if ((await local.stat(path))?.kind === 'directory') throw folderNotArchive(file);
}

function beginningOf(local: Host, path: string): Promise<Uint8Array> {
  return buffer(local.readStream(path, { start: 0, end: magicLength - 1 }));
}

function folderNotArchive(path: string): KnestError {
  return new KnestError('is a folder, not an archive', {
    code: 'ARCHIVE_UNUSABLE',
    hint: `an OCI layout goes in as a tar archive: tar --create --directory ${path} --file image.tar .`,
  });
}

async function decompress(local: Host, program: string, path: string, target: string): Promise<void> {
  try {
    await local.run(decompressCommand(program, path, target));
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    if (error.exitCode === 127) {
      throw new KnestError(`is compressed with ${program}, which is not installed on ${local.name}`, {
        code: 'HOST_UNFIT',
        hint: 'install it, or decompress the file where it is',
      });
    }
    const why = error.stderr.trim().split('\n').at(-1) ?? '';
    throw new KnestError(`cannot be decompressed: ${why}`, { code: 'ARCHIVE_UNUSABLE', cause: error });
  }
}
