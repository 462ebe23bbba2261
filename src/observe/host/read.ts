import { KnestError } from '../../errors.ts';
import type { Host } from '../../host/types.ts';

/**
 * A file below /proc or /sys as a fact: undefined also when it is there but cannot be read, which is the same
 * to knest as its absence (EACCES without root, EINVAL from half-compiled kernel features).
 */
export async function readQuietly(host: Host, path: string): Promise<string | undefined> {
  try {
    return await host.readFile(path);
  } catch (error) {
    // not a refusal of the kernel: nothing is known of the file
    if (error instanceof KnestError) throw error;
    return undefined;
  }
}
