import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Waits for something to come true.
 * @param check returns when it has; throws while it has not (an `expect` will do)
 * @param timeout milliseconds
 * @throws Error that says what did not happen, with the last reason
 */
export async function eventually<T>(what: string, check: () => Promise<T>, timeout = 30_000): Promise<T> {
  const deadline = Date.now() + timeout;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (Date.now() > deadline) {
        const why = error instanceof Error ? error.message : String(error);
        throw new Error(`${what}: not within ${timeout / 1000} s. Last seen: ${why}`, { cause: error });
      }
    }
    await sleep(100);
  }
}
