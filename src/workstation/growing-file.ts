import { open, rename, rm } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';

/** A large file of the user's that is written piece by piece, also where it was written already; it appears when finished. */
export interface GrowingFile {
  /** Bytes so far. */
  size: () => number;
  append: (bytes: Uint8Array) => Promise<void>;
  /** Replaces bytes that are there. */
  replace: (position: number, bytes: Uint8Array) => Promise<void>;
  /** On the disk and under its name. */
  finish: () => Promise<void>;
  /** Nothing of it stays; after finish() it does nothing. */
  discard: () => Promise<void>;
}

/** Only its owner may read it. @throws Error with Node's code */
export async function openGrowingFile(path: string): Promise<GrowingFile> {
  const partial = `${path}.partial`;
  const handle = await open(partial, 'w', 0o600);
  let size = 0;
  let finished = false;
  return {
    size: () => size,
    append: async (bytes) => {
      await writeAll(handle, bytes, size);
      size += bytes.byteLength;
    },
    replace: (position, bytes) => writeAll(handle, bytes, position),
    finish: async () => {
      await handle.sync();
      await handle.close();
      await rename(partial, path);
      finished = true;
    },
    discard: async () => {
      if (finished) return;
      await handle.close().catch(() => undefined);
      await rm(partial, { force: true });
    },
  };
}

/** write(2) may take less than it is given. */
async function writeAll(handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.byteLength;) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.byteLength - done, position + done);
    done += bytesWritten;
  }
}
