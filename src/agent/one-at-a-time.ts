import { ApiError } from '../clients/kubernetes/client.ts';
import { log, reasonOf } from './log.ts';

/** Milliseconds after which something that failed is tried again. */
const again = 1000;

/**
 * A job that brings about what is wanted now. Calls that come in one go lead to one run; a call during a run leads to one
 * more afterwards, so that no change is missed; a run that fails is repeated after a second, and only the first failure
 * in a row is logged.
 * @param what for the log: "addresses of Services"
 */
export function oneAtATime(what: string, job: () => Promise<void>): () => void {
  let state: 'idle' | 'scheduled' | 'running' = 'idle';
  let isAskedFor = false;
  let blocked = false;
  const run = async (): Promise<void> => {
    state = 'running';
    try {
      await job();
      blocked = false;
    } catch (error) {
      // refused (409): the change that it did not know of is on its way here, and leads to a run by itself
      if (!(error instanceof ApiError && error.status === 409) && !blocked) {
        log.warning(`${what}: ${reasonOf(error)}`);
        blocked = true;
      }
      setTimeout(call, again);
    }
    state = 'idle';
    if (isAskedFor) call();
  };
  const call = (): void => {
    if (state === 'running') isAskedFor = true;
    if (state !== 'idle') return;
    state = 'scheduled';
    isAskedFor = false;
    setImmediate(() => void run());
  };
  return call;
}
