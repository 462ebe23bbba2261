/**
 * Ctrl-C and termination: the first asks the work to stop and clean up, the second leaves at once. While there is nothing
 * to clean up, the kernel ends the process as it ends any other: a listener would have to wait until Node has time for it,
 * and a large config is read and planned without a pause.
 */

import { constants } from 'node:os';
import { KnestError } from '../errors.ts';

export interface Interruption {
  /** Aborted by the first signal. Whoever takes it heeds it: until then, signals end the process. */
  readonly signal: AbortSignal;
  /** 128 + the signal's number once there was one, as shells have it. */
  exitCode: () => number | undefined;
  /**
   * From now on Ctrl-C is for the program that knest started on this terminal: it gets the signal itself, and knest
   * ends when it does.
   */
  leaveToChild: () => void;
  /** Stops listening. */
  dispose: () => void;
}

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export function watchInterruption(): Interruption {
  const controller = new AbortController();
  let exitCode: number | undefined;
  let left = false;
  const listener = (name: NodeJS.Signals) => {
    if (left && name === 'SIGINT') return;
    if (exitCode !== undefined) process.exit(exitCode);
    exitCode = 128 + constants.signals[name];
    controller.abort(new KnestError(`Interrupted by ${name}`, { code: 'INTERRUPTED' }));
  };
  let listening = false;
  const listen = () => {
    if (!listening) for (const name of signals) process.on(name, listener);
    listening = true;
  };
  return {
    get signal() {
      listen();
      return controller.signal;
    },
    exitCode: () => exitCode,
    leaveToChild: () => {
      listen();
      left = true;
    },
    dispose: () => {
      for (const name of signals) process.off(name, listener);
    },
  };
}
