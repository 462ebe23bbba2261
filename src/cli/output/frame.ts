/** The live list as text, drawn from the steps: pure, so that a test can look at every frame. */

import { formatSeconds } from './duration.ts';
import { oneLine, shorten } from './printable.ts';
import type { StepState } from './steps.ts';

/** How words are coloured; the identity functions for none. */
export interface Palette {
  good: (text: string) => string;
  bad: (text: string) => string;
  warning: (text: string) => string;
  busy: (text: string) => string;
  faint: (text: string) => string;
}

export const colourless: Palette = {
  good: (text) => text,
  bad: (text) => text,
  warning: (text) => text,
  busy: (text) => text,
  faint: (text) => text,
};

type Shown = Omit<StepState, 'id'>;

/** Something that is under way and no step: what comes before the first one, between two, or after the last. */
export function pending(title: string, since: number): Shown {
  return { title, depth: 0, status: 'running', startedAt: since, seconds: undefined, message: undefined };
}

const spinner = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'] as const;

/**
 * One line a step, and its latest message below it.
 * @param width columns of the terminal; no line is longer.
 * @param now milliseconds on the clock that the steps were started with.
 */
export function renderFrame(
  steps: readonly Shown[],
  width: number,
  now: number,
  palette: Palette = colourless,
): string {
  return steps.flatMap((step) => renderStep(step, width, now, palette)).join('\n');
}

function renderStep(step: Shown, width: number, now: number, palette: Palette): string[] {
  const indent = ' '.repeat(1 + 2 * step.depth);
  const time = timeOf(step, now);
  const room = width - indent.length - 2 - (time === '' ? 0 : time.length + 2);
  const title = shorten(oneLine(step.title), room);
  const line = `${indent}${symbolOf(step, now, palette)} ${title}${time === '' ? '' : `  ${palette.faint(time)}`}`;
  if (step.message === undefined || step.message === '') return [line];
  const message = shorten(oneLine(step.message), width - indent.length - 4);
  return [line, `${indent}    ${palette.faint(message)}`];
}

function symbolOf({ status, startedAt }: Shown, now: number, palette: Palette): string {
  switch (status) {
    case 'done':
      return palette.good('✓');
    case 'failed':
      return palette.bad('✗');
    case 'skipped':
      return palette.faint('-');
    case 'running':
      return palette.busy(
        spinner[Math.floor(Math.max(0, now - startedAt) / 100) % spinner.length] ?? spinner[0],
      );
  }
}

function timeOf({ status, startedAt, seconds }: Shown, now: number): string {
  if (status === 'skipped') return 'already done';
  // Tenths of a second only where they will not flicker.
  if (status === 'running')
    return now - startedAt < 1000
      ? ''
      : formatSeconds(Math.floor((now - startedAt) / 1000)).replace('.0s', 's');
  return seconds === undefined ? '' : formatSeconds(seconds);
}
