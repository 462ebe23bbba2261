import { setTimeout as sleep } from 'node:timers/promises';

import { KnestError, messageOf } from '../errors.ts';
import { ApiError } from '../clients/kubernetes.ts';

/** Milliseconds between two tries. */
const interval = 250;
/** etcd wants a new member to be connected for five seconds before the next may come, and a busy host is slow. */
const patience = 60_000;

/**
 * Tries again while a control plane is not ready for it: there is no leader yet, the API's address is on its way to
 * another machine, a learner lags behind. What the API server refuses for good (4xx) is thrown at once.
 * @param what for the message: "could not ... within a minute"
 */
export async function retryUntilReady<T>(
  what: string,
  signal: AbortSignal,
  attempt: () => Promise<T>,
): Promise<T> {
  const deadline = Date.now() + patience;
  for (;;) {
    signal.throwIfAborted();
    try {
      return await attempt();
    } catch (error) {
      if (error instanceof ApiError && error.status >= 400 && error.status < 500) throw error;
      if (Date.now() > deadline) {
        throw new KnestError(`could not ${what} within ${patience / 1000} s`, {
          code: 'TIMED_OUT',
          cause: error,
          details: [messageOf(error)],
          hint: 'knest status cluster shows what does not work',
        });
      }
    }
    await sleep(interval);
  }
}
