import { setTimeout as sleep } from 'node:timers/promises';

import { beforeEach, describe, expect, it } from 'vitest';

import type { StepEvent } from '../../src/events.ts';
import { parallel, runSequence, serial } from '../../src/apply/runner.ts';
import type { Sequence, Step } from '../../src/apply/runner.ts';

let events: StepEvent[];
const never = new AbortController().signal;

beforeEach(() => {
  events = [];
});

describe('runSequence', () => {
  it('runs serial steps one after the other', async () => {
    await run(serial(step('a', 20), step('b', 1), step('c')));
    expect(story()).toEqual(['started a', 'done a', 'started b', 'done b', 'started c', 'done c']);
  });

  it('runs parallel steps side by side', async () => {
    await run(serial(parallel(step('slow', 60), step('quick', 5)), step('after')));
    expect(story()).toEqual([
      ...['started slow', 'started quick', 'done quick', 'done slow'],
      ...['started after', 'done after'],
    ]);
  });

  it('nests', async () => {
    await run(parallel(serial(step('a1', 30), step('a2')), serial(step('b1', 5), step('b2', 5))));
    expect(story().filter((line) => line.startsWith('done'))).toEqual([
      'done b1',
      'done b2',
      'done a1',
      'done a2',
    ]);
  });

  it('skips what is done already', async () => {
    await run(
      serial(
        { ...step('a'), done: () => Promise.resolve(true) },
        { ...step('b'), done: () => Promise.resolve(false) },
      ),
    );
    expect(story()).toEqual(['skipped a', 'started b', 'done b']);
  });

  it('tells titles, times and progress', async () => {
    await run({
      id: 'machine/a',
      title: 'Step a',
      run: async ({ progress }) => {
        await sleep(30);
        progress('half-way');
      },
    });
    expect(events).toMatchObject([
      { type: 'started', id: 'machine/a', title: 'Step a' },
      { type: 'progress', id: 'machine/a', message: 'half-way' },
      { type: 'done', id: 'machine/a', title: 'Step a' },
    ]);
    const [, , done] = events;
    expect(done?.type === 'done' && done.seconds > 0.025 && done.seconds < 5).toBe(true);
  });

  it('stops at a failure', async () => {
    await expect(run(serial(step('a'), failing('b', 'broken'), step('c')))).rejects.toThrow('broken');
    expect(story()).toEqual(['started a', 'done a', 'started b', 'failed b: broken']);
  });

  it('takes a check that fails for a failure', async () => {
    const broken = { ...step('a'), done: () => Promise.reject(new Error('cannot look')) };
    await expect(run(broken)).rejects.toThrow('cannot look');
    expect(story()).toEqual(['failed a: cannot look']);
  });

  it('stops those beside a failure, waits for them, and throws the first error', async () => {
    const beside = parallel(
      obedient('waits', 50),
      serial(step('before', 5), failing('culprit', 'broken'), step('not reached')),
      serial(step('short', 30), step('not reached either')),
    );
    await expect(run(serial(beside, step('later')))).rejects.toThrow(/^broken$/);
    const told = story();
    expect(told).toContain('failed culprit: broken');
    expect(told).toContain('failed waits: stopped by broken');
    expect(told).toContain('done short');
    expect(told.join()).not.toMatch(/not reached|later/);
  });

  it('stops when told to, at once or under way', async () => {
    await expect(runSequence(step('a'), note, AbortSignal.abort(new Error('enough')))).rejects.toThrow(
      'enough',
    );
    expect(events).toEqual([]);
    const controller = new AbortController();
    const running = runSequence(serial(obedient('a'), step('b')), note, controller.signal);
    await expect.poll(story).toEqual(['started a']);
    controller.abort(new Error('enough'));
    await expect(running).rejects.toThrow('stopped by enough');
    expect(story()).toEqual(['started a', 'failed a: stopped by enough']);
  });

  it('does not begin the next step after it was told to stop', async () => {
    const controller = new AbortController();
    const running = runSequence(serial(step('a', 20), step('b')), note, controller.signal);
    controller.abort(new Error('enough'));
    await expect(running).rejects.toThrow('enough');
    expect(story()).toEqual(['started a', 'done a']);
  });
});

function run(sequence: Sequence): Promise<void> {
  return runSequence(sequence, note, never);
}

function note(event: StepEvent): void {
  events.push(event);
}

/** The events as words. */
function story(): string[] {
  return events.map((event) => {
    if (event.type === 'note') return event.message;
    const error = event.type === 'failed' && event.error instanceof Error ? `: ${event.error.message}` : '';
    return `${event.type} ${event.id.replace('machine/', '')}${error}`;
  });
}

function step(id: string, milliseconds = 0): Step {
  return { id: `machine/${id}`, title: id, run: () => sleep(milliseconds) };
}

function failing(id: string, message: string): Step {
  return { id: `machine/${id}`, title: id, run: () => Promise.reject(new Error(message)) };
}

/** Runs until it is told to stop, and takes that many milliseconds to do so. */
function obedient(id: string, milliseconds = 0): Step {
  return {
    id: `machine/${id}`,
    title: id,
    run: ({ signal }) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => {
          const why = signal.reason instanceof Error ? signal.reason.message : '?';
          setTimeout(() => {
            reject(new Error(`stopped by ${why}`));
          }, milliseconds);
        });
      }),
  };
}
