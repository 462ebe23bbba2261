import { describe, expect, it } from 'vitest';
import type { StepEvent, StepId } from '../../../src/events.ts';
import { renderFrame } from '../../../src/cli/output/frame.ts';
import { afterEvent, settle, type Steps } from '../../../src/cli/output/steps.ts';

/** The steps after events that came one second apart. */
function stepsAfter(...events: StepEvent[]): Steps {
  return events.reduce<Steps>((steps, event, index) => afterEvent(steps, event, index * 1000), []);
}

/** Any word is as good as the ids of real steps: they lie within each other by what they begin with. */
const idOf = (word: string) => word as StepId;
const started = (word: string, title = `Title of ${word}`): StepEvent => ({
  type: 'started',
  id: idOf(word),
  title,
});
const done = (word: string): StepEvent => ({
  type: 'done',
  id: idOf(word),
  title: `Title of ${word}`,
  seconds: 1.26,
});
const progress = (word: string, message: string): StepEvent => ({
  type: 'progress',
  id: idOf(word),
  message,
});

describe('renderFrame', () => {
  it('shows each step in its place, whatever became of it', () => {
    const steps = stepsAfter(
      started('image'),
      started('kubernetes'),
      progress('kubernetes', 'compiled 812 of 2119 packages'),
      done('image'),
      { type: 'skipped', id: idOf('sysctl'), title: 'Kernel settings' },
      started('machine'),
      {
        type: 'failed',
        id: idOf('machine'),
        title: 'Starting the machine',
        seconds: 3,
        error: new Error('no'),
      },
    );
    expect(renderFrame(steps, 80, 8000)).toBe(
      [
        ' ✓ Title of image  1.3s',
        ' ⠋ Title of kubernetes  7s',
        '     compiled 812 of 2119 packages',
        ' - Kernel settings  already done',
        ' ✗ Starting the machine  3.0s',
      ].join('\n'),
    );
  });

  it('indents steps within steps, wherever they begin', () => {
    const steps = stepsAfter(
      started('a'),
      started('b'),
      started('a/x'),
      started('a/x/deep'),
      started('a/y'),
      done('a/x'),
    );
    expect(renderFrame(steps, 80, 0).split('\n')).toEqual([
      ' ⠋ Title of a',
      '   ✓ Title of a/x  1.3s',
      '     ⠋ Title of a/x/deep',
      '   ⠋ Title of a/y',
      ' ⠋ Title of b',
    ]);
  });

  it('is never wider than the terminal', () => {
    const steps = stepsAfter(
      started('a', 'A very long title that goes on and on'),
      progress('a', 'a message that is even longer than the title of its step is'),
      { type: 'done', id: idOf('b'), title: 'unknown to it', seconds: 1 },
    );
    for (const width of [10, 24, 40]) {
      const lines = renderFrame(steps, width, 75_000).split('\n');
      expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(width);
    }
    expect(renderFrame(steps, 24, 75_000)).toBe(' ⠋ A very long t…  1m15s\n     a message that is …');
  });

  it('does not let the output of programs move the cursor', () => {
    const steps = stepsAfter(
      started('a'),
      progress('a', '\u001b[2J\u001b[31mred\u001b[0m\r\n\u0007next\u009b'),
    );
    expect(renderFrame(steps, 80, 0).split('\n')).toEqual([' ⠋ Title of a', '     red next']);
  });

  it('turns while it waits', () => {
    const steps = stepsAfter(started('a'));
    expect(renderFrame(steps, 80, 100)).not.toBe(renderFrame(steps, 80, 200));
  });
});

describe('settle', () => {
  it('leaves behind what has ended at the top, and nothing below a step under way', () => {
    const steps = stepsAfter(started('a'), started('b'), started('c'), done('a'), done('c'));
    const { settled, rest } = settle(steps);
    expect(settled.map(({ id }) => id)).toEqual(['a']);
    expect(rest.map(({ id }) => id)).toEqual(['b', 'c']);
  });

  it('keeps a step with those within it', () => {
    const { settled, rest } = settle(stepsAfter(started('a'), started('a/x'), done('a/x'), started('a/y')));
    expect(settled).toEqual([]);
    expect(rest.map(({ id }) => id)).toEqual(['a', 'a/x', 'a/y']);
  });
});

describe('afterEvent', () => {
  it('a step that starts again begins anew', () => {
    const steps = stepsAfter(started('a'), progress('a', 'x'), done('a'), started('a'));
    expect(steps).toMatchObject([{ id: 'a', status: 'running', startedAt: 3000, message: undefined }]);
  });

  it('a step that turns out to be done already is skipped in place', () => {
    const steps = stepsAfter(started('a'), started('b'), { type: 'skipped', id: idOf('a'), title: 'A' });
    expect(steps.map(({ id, status }) => `${id} ${status}`)).toEqual(['a skipped', 'b running']);
  });
});
