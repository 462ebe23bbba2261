import { pollUntil } from '../poll.ts';

/** Milliseconds between two tries. */
const interval = 50;

/**
 * Binds to an address of this machine, once the machine has it: while it is starting, networkd may not have given it yet.
 * @throws what else binding fails with, or the signal's reason
 */
export function bindPatiently<T>(bind: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  return pollUntil({ interval, ...(signal ? { signal } : {}) }, async () => {
    try {
      return { value: await bind() };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRNOTAVAIL') throw error;
      return undefined;
    }
  });
}
