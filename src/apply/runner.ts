import type { Listener, Progress, StepId } from '../events.ts';

export interface StepTools {
  progress: Progress;
  signal: AbortSignal;
}

/** One thing to do. It may have been done by an earlier run: `done` says so, or `run` finds nothing left to do. */
export interface Step {
  id: StepId;
  title: string;
  done?: () => Promise<boolean>;
  run: (tools: StepTools) => Promise<void>;
}

/** Steps in order, or side by side. */
export type Sequence = Step | { serial: readonly Sequence[] } | { parallel: readonly Sequence[] };

export function serial(...steps: readonly Sequence[]): Sequence {
  return { serial: steps };
}

export function parallel(...steps: readonly Sequence[]): Sequence {
  return { parallel: steps };
}

/**
 * Runs steps and tells what happens to them. When one fails, those beside it are told to stop, and its error is
 * thrown once all have ended.
 */
export async function runSequence(
  sequence: Sequence,
  listener: Listener,
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted();
  if ('serial' in sequence) {
    for (const step of sequence.serial) await runSequence(step, listener, signal);
  } else if ('parallel' in sequence) {
    await runSideBySide(sequence.parallel, listener, signal);
  } else {
    await runStep(sequence, listener, signal);
  }
}

async function runSideBySide(
  steps: readonly Sequence[],
  listener: Listener,
  signal: AbortSignal,
): Promise<void> {
  const siblings = new AbortController();
  const failures: unknown[] = [];
  const both = AbortSignal.any([signal, siblings.signal]);
  await Promise.all(
    steps.map((step) =>
      runSequence(step, listener, both).catch((error: unknown) => {
        // what fails after the first one fails because it was stopped
        failures.push(error);
        siblings.abort(error);
      }),
    ),
  );
  if (failures.length > 0) throw failures[0];
}

async function runStep(step: Step, listener: Listener, signal: AbortSignal): Promise<void> {
  const { id, title } = step;
  const started = performance.now();
  const seconds = (): number => (performance.now() - started) / 1000;
  try {
    if (await step.done?.()) {
      listener({ type: 'skipped', id, title });
      return;
    }
    listener({ type: 'started', id, title });
    const progress = (message: string): void => {
      listener({ type: 'progress', id, message });
    };
    await step.run({ progress, signal });
    listener({ type: 'done', id, title, seconds: seconds() });
  } catch (error) {
    listener({ type: 'failed', id, title, seconds: seconds(), error });
    throw error;
  }
}
