import type { Listener, Progress, StepId } from '../events.ts';

export interface StepTools {
  progress: Progress;
  signal: AbortSignal;
}

/** One thing to do that hands on a result. `run` is called each time, and finds out itself what is left to do. */
export interface ResultStep<T> {
  id: StepId;
  title: string;
  run: (tools: StepTools) => Promise<T>;
}

/** One thing to do. It may have been done by an earlier run: `done` says so, or `run` finds nothing left to do. */
export interface Step extends ResultStep<void> {
  done?: () => Promise<boolean>;
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
    await sideBySide(
      signal,
      ...sequence.parallel.map((part) => (both: AbortSignal) => runSequence(part, listener, both)),
    );
  } else {
    await runUnlessDone(sequence, listener, signal);
  }
}

/**
 * Does several things at the same time and hands on their results, in their order. When one fails, the others are told
 * to stop by the signal that they got, and its error is thrown once all have ended.
 */
export async function sideBySide<T extends readonly unknown[]>(
  signal: AbortSignal,
  ...works: { [K in keyof T]: (signal: AbortSignal) => Promise<T[K]> }
): Promise<T> {
  const siblings = new AbortController();
  const failures: unknown[] = [];
  const both = AbortSignal.any([signal, siblings.signal]);
  const results = await Promise.all(
    works.map((work: (signal: AbortSignal) => Promise<unknown>) =>
      work(both).catch((error: unknown) => {
        // what fails after the first one fails because it was stopped
        failures.push(error);
        siblings.abort(error);
      }),
    ),
  );
  if (failures.length > 0) throw failures[0];
  return results as unknown as T;
}

/** Runs one step, tells what happens to it, and hands on its result. */
export async function runStep<T>(step: ResultStep<T>, listener: Listener, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  return tellingFailure(step, listener, () => start(step, listener, signal));
}

async function runUnlessDone(step: Step, listener: Listener, signal: AbortSignal): Promise<void> {
  await tellingFailure(step, listener, async () => {
    if (await step.done?.()) listener({ type: 'skipped', id: step.id, title: step.title });
    else await start(step, listener, signal);
  });
}

async function start<T>(
  { id, title, run }: ResultStep<T>,
  listener: Listener,
  signal: AbortSignal,
): Promise<T> {
  const seconds = stopwatch();
  listener({ type: 'started', id, title });
  const progress = (message: string): void => {
    listener({ type: 'progress', id, message });
  };
  const result = await run({ progress, signal });
  listener({ type: 'done', id, title, seconds: seconds() });
  return result;
}

async function tellingFailure<T>(
  { id, title }: Pick<Step, 'id' | 'title'>,
  listener: Listener,
  work: () => Promise<T>,
): Promise<T> {
  const seconds = stopwatch();
  try {
    return await work();
  } catch (error) {
    listener({ type: 'failed', id, title, seconds: seconds(), error });
    throw error;
  }
}

function stopwatch(): () => number {
  const started = performance.now();
  return () => (performance.now() - started) / 1000;
}
