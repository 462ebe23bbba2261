/** Binaries in a directory of the user's: of Kubernetes, or of what runs beside it. */

import { createHash } from 'node:crypto';

import { KnestError } from '../errors.ts';
import type { Host } from '../host/types.ts';

/** Which of these are in a folder and can be run, in the order of the names. */
export async function usableBinaries(
  folder: string,
  names: readonly string[],
  host: Host,
): Promise<string[]> {
  const { stdout } = await host.run(['sh', '-c', listUsable, folder, ...names]);
  const usable = new Set(stdout.split('\n'));
  return names.filter((name) => usable.has(name));
}

/** test(1) follows links, which a folder of one multi-call executable consists of. */
const listUsable = 'for name; do if [ -f "$0/$name" ] && [ -x "$0/$name" ]; then echo "$name"; fi; done';

/** One digest for all of them. @param checksums SHA-256 by name */
export function digestOf(checksums: Readonly<Record<string, string>>): string {
  const lines = Object.entries(checksums).map(([name, sum]) => `${sum}  ${name}\n`);
  return createHash('sha256').update(lines.join('')).digest('hex');
}

/** The binaries are others than when the plan was made. */
export function changedWhileCopied(directory: string): KnestError {
  return new KnestError(`the binaries in ${directory} changed while they were copied`, {
    code: 'SOURCE_CHANGED',
    hint: 'run the command again when their build has finished',
  });
}
