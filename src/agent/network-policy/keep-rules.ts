import { setTimeout as sleep } from 'node:timers/promises';

import { log, reasonOf } from '../log.ts';
import { renderChange, renderWhole } from './render.ts';
import type { Ruleset } from './ruleset.ts';

/** Milliseconds between two tries. */
const shortest = 100;
const longest = 5000;

export interface RuleKeeper {
  /** Something has changed. */
  changed: () => void;
  /** Fulfilled when the rules are those of a moment after the call. */
  settled: () => Promise<void>;
}

/**
 * Keeps the kernel's rules as they are wanted. Changes that come within a moment are made together, one at a time; what
 * fails is tried again, as a whole.
 * @param wanted undefined: no rules at all
 * @param delay milliseconds that a change waits for others
 */
export function keepRules(
  wanted: () => Ruleset | undefined,
  nft: (text: string) => Promise<void>,
  delay = 30,
): RuleKeeper {
  /** What the kernel has; unknown at first and after a failure: an earlier agent may have left rules. */
  let present: { ruleset: Ruleset | undefined } | undefined;
  let dirty = false;
  let running: Promise<void> | undefined;

  const update = async (): Promise<void> => {
    const ruleset = wanted();
    const text =
      present?.ruleset && ruleset
        ? renderChange(present.ruleset, ruleset)
        : present && !present.ruleset && !ruleset
          ? ''
          : renderWhole(ruleset);
    if (text !== '') {
      present = undefined;
      await nft(text);
    }
    present = { ruleset };
  };
  const work = async (): Promise<void> => {
    for (let failures = 0; dirty;) {
      await sleep(failures === 0 ? delay : Math.min(shortest * 2 ** failures, longest));
      dirty = false;
      try {
        await update();
        if (failures > 0) log.info('network policies are enforced again');
        failures = 0;
      } catch (error) {
        if (failures++ === 0) log.warning(`rules of network policies: ${reasonOf(error)}`);
        dirty = true;
      }
    }
    // Reset here and not when the promise settles: a change in between would start no new run.
    running = undefined;
  };
  const changed = (): void => {
    dirty = true;
    running ??= work();
  };
  return { changed, settled: () => running ?? Promise.resolve() };
}
