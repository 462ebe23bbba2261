import { KnestError, messageOf } from '../errors.ts';
import { ApiError } from '../clients/kubernetes/client.ts';
import { pollUntil } from '../poll.ts';

/** Milliseconds between two tries. */
const interval = 250;
/** etcd wants a new member to be connected for five seconds before the next may come, and a busy host is slow. */
const usualPatience = 60_000;

/**
 * Repeats an action until the control plane is ready for it. It may not be: etcd has no leader yet, the API's address is
 * moving to another machine, a learner has not caught up. What the API server refuses for good (4xx) is thrown at once.
 * @param what for the message: "could not ... within a minute"
 * @param options patience in milliseconds; default a minute
 */
export async function retryUntilReady<T>(
  what: string,
  signal: AbortSignal,
  attempt: () => Promise<T>,
  { patience = usualPatience }: { patience?: number } = {},
): Promise<T> {
  let last: unknown;
  const error = (): KnestError =>
    new KnestError(`could not ${what} within ${patience / 1000} s`, {
      code: 'TIMED_OUT',
      cause: last,
      details: [messageOf(last)],
      hint: 'knest status cluster shows what does not work',
    });
  return pollUntil({ interval, limit: { timeout: patience, error }, signal }, async () => {
    try {
      return { value: await attempt() };
    } catch (failure) {
      if (failure instanceof ApiError && failure.status >= 400 && failure.status < 500) throw failure;
      last = failure;
      return undefined;
    }
  });
}
