import { setTimeout as sleep } from 'node:timers/promises';

export interface PollOptions {
  /** Milliseconds between the end of one attempt and the next; may grow with the number of attempts made. */
  interval: number | ((attempts: number) => number);
  /** Gives up after the first attempt that ends later than that. Default: never. */
  limit?: PollLimit;
  /** Ends it, also during a pause, with the signal's reason. */
  signal?: AbortSignal;
}

export interface PollLimit {
  /** Milliseconds since the beginning. */
  timeout: number;
  /** What is thrown then. */
  error: (waited: number) => unknown;
}

/** What was waited for. An object, so that it may be `undefined` too. */
export interface Found<T> {
  value: T;
}

/**
 * Makes one attempt after the other until one finds something.
 * @param attempt undefined: not yet. What it throws ends the waiting, and is thrown.
 * @throws the signal's reason, or the limit's error
 */
export async function pollUntil<T>(
  { interval, limit, signal }: PollOptions,
  attempt: (waited: () => number) => Promise<Found<T> | undefined>,
): Promise<T> {
  const started = Date.now();
  const waited = (): number => Date.now() - started;
  for (let attempts = 1; ; attempts += 1) {
    signal?.throwIfAborted();
    const found = await attempt(waited);
    if (found) return found.value;
    if (limit && waited() > limit.timeout) throw await limit.error(waited());
    await pause(typeof interval === 'number' ? interval : interval(attempts), signal);
  }
}

/** @throws the signal's reason, as soon as it is aborted */
export async function pause(milliseconds: number, signal?: AbortSignal): Promise<void> {
  try {
    await sleep(milliseconds, undefined, signal ? { signal } : {});
  } catch (error) {
    // Node throws an AbortError of its own
    signal?.throwIfAborted();
    throw error;
  }
}
