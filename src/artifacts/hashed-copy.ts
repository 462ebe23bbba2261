import { createHash } from 'node:crypto';
import { Transform } from 'node:stream';
import type { Readable } from 'node:stream';

import type { Host } from '../host/types.ts';

/**
 * Writes a stream of any length into a file of the host, and reads its content for that only once.
 * @returns sha256 of what was written, as hexadecimal digits
 */
export async function writeHashed(
  host: Host,
  path: string,
  content: Readable,
  mode: number,
): Promise<string> {
  const hash = createHash('sha256');
  const observed = new Transform({
    transform: (chunk: Buffer, _encoding, done) => {
      hash.update(chunk);
      done(null, chunk);
    },
  });
  content.on('error', (error) => observed.destroy(error));
  await host.writeStream(path, content.pipe(observed), mode);
  return hash.digest('hex');
}
