import { pause } from '../../poll.ts';
import { log, reasonOf } from '../log.ts';

/** Milliseconds between two tries of the same thing. */
const shortest = 200;
const longest = 30_000;

/**
 * Does each thing until it succeeds, different things side by side. What is asked for while it is under way is done once
 * more afterwards.
 * @returns begins a job; `what` names it, also in the log
 */
export function workQueue(): (what: string, job: () => Promise<void>) => void {
  const running = new Map<string, 'once' | 'again'>();
  const start = async (what: string, job: () => Promise<void>): Promise<void> => {
    for (let wait = shortest; ; wait = Math.min(wait * 2, longest)) {
      try {
        await job();
        if (running.get(what) === 'once') break;
        running.set(what, 'once');
        wait = shortest / 2;
      } catch (error) {
        log.warning(`${what}: ${reasonOf(error)}`);
        await pause(wait);
      }
    }
    running.delete(what);
  };
  return (what, job) => {
    if (running.has(what)) {
      running.set(what, 'again');
      return;
    }
    running.set(what, 'once');
    void start(what, job);
  };
}
