import { afterEach, describe, expect, it, vi } from 'vitest';
import type { StepEvent } from '../../../src/events.ts';
import { KnestError } from '../../../src/errors.ts';
import { jsonLinesReporter } from '../../../src/cli/output/json-lines.ts';
import { liveReporter } from '../../../src/cli/output/live.ts';
import { plainLines } from '../../../src/cli/output/plain.ts';
import { openReporter } from '../../../src/cli/output/open-reporter.ts';
import type { Terminal } from '../../../src/cli/terminal.ts';
import { capture, noKeys } from '../run-cli.ts';

function terminal(
  isTTY: boolean,
  env: Record<string, string> = {},
): { terminal: Terminal; text: () => string } {
  const { output, text } = capture(isTTY);
  const readStdin = () => Promise.resolve('');
  return {
    terminal: {
      stdout: capture(false).output,
      stderr: output,
      env,
      stdinIsTTY: false,
      readStdin,
      onKeys: noKeys,
    },
    text,
  };
}

const events: StepEvent[] = [
  { type: 'started', id: 'machine/a', title: 'First' },
  { type: 'note', level: 'warning', message: 'little memory' },
  {
    type: 'failed',
    id: 'machine/a',
    title: 'First',
    seconds: 2,
    error: new KnestError('no space', { code: 'DISK_FULL', hint: 'make some' }),
  },
];

describe('plain lines', () => {
  it('tell each thing once', () => {
    const line = plainLines();
    expect(events.map((event) => line(event, 0))).toEqual([
      'First ...',
      'Warning: little memory',
      'First: FAILED (2.0s)',
    ]);
  });

  it('tell progress now and then, with the title of its step', () => {
    const line = plainLines();
    line({ type: 'started', id: 'machine/a', title: 'First' }, 0);
    const told = [1, 9_999, 10_000, 10_001, 25_000].map((now) =>
      line({ type: 'progress', id: 'machine/a', message: `at ${now}` }, now),
    );
    expect(told).toEqual([undefined, undefined, 'First: at 10000', undefined, 'First: at 25000']);
  });
});

describe('JSON lines', () => {
  it('are versioned and hold errors as data', () => {
    const { terminal: target, text } = terminal(false);
    const reporter = jsonLinesReporter(target, () => new Date(0));
    for (const event of events) reporter.listener(event);
    reporter.say('bye');
    const lines = text()
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown);
    const common = { version: 1, time: '1970-01-01T00:00:00.000Z' };
    expect(lines).toEqual([
      { ...common, type: 'started', id: 'machine/a', title: 'First' },
      { ...common, type: 'note', level: 'warning', message: 'little memory' },
      {
        ...common,
        type: 'failed',
        id: 'machine/a',
        title: 'First',
        seconds: 2,
        error: {
          name: 'KnestError',
          message: 'no space',
          code: 'DISK_FULL',
          kind: 'failed',
          details: [],
          hint: 'make some',
        },
      },
      { ...common, type: 'note', level: 'info', message: 'bye' },
    ]);
  });
});

describe('the live list', () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  it('draws, leaves behind what has ended and shows the rest again', () => {
    vi.useFakeTimers();
    const { terminal: target, text } = terminal(true, { NO_COLOR: '1' });
    const reporter = liveReporter(target);
    reporter.listener({ type: 'started', id: 'machine/a', title: 'First' });
    reporter.listener({ type: 'started', id: 'machine/b', title: 'Second' });
    reporter.listener({ type: 'done', id: 'machine/a', title: 'First', seconds: 1 });
    vi.advanceTimersByTime(2000);
    reporter.listener({ type: 'done', id: 'machine/b', title: 'Second', seconds: 2 });
    reporter.say('what to do next');
    reporter.close();
    expect(text()).toContain('\u001b'); // it moves the cursor
    expect(text()).not.toContain('\u001b[3'); // and has no colours
    expect(text().split('\n').slice(-3)).toEqual([
      expect.stringMatching(/ ✓ Second {2}2\.0s$/),
      'what to do next',
      '',
    ]);
  });
});

describe('silence on a terminal', () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  /** What is written from one moment to the other. */
  function during(text: () => string, milliseconds: number): string {
    const before = text().length;
    vi.advanceTimersByTime(milliseconds);
    return text().slice(before);
  }

  it('a step that reports nothing shows every second that its time goes on', () => {
    vi.useFakeTimers();
    const { terminal: target, text } = terminal(true, { NO_COLOR: '1' });
    const reporter = liveReporter(target, Date.now, 'knest create cluster');
    reporter.listener({ type: 'started', id: 'machine/a', title: 'First' });
    vi.advanceTimersByTime(1000);
    for (const second of [2, 3, 4, 61]) {
      if (second === 61) vi.advanceTimersByTime(56_000);
      expect(during(text, 1000)).toContain(`First  ${second === 61 ? '1m01s' : `${second}s`}`);
    }
    reporter.close();
    expect(text()).not.toContain('knest create cluster');
  });

  it('before, between and after steps the command itself is what is under way', () => {
    vi.useFakeTimers();
    const { terminal: target, text } = terminal(true, { NO_COLOR: '1' });
    const reporter = liveReporter(target, Date.now, 'knest create cluster');
    expect(during(text, 900)).not.toContain('knest');
    expect(during(text, 1100)).toMatch(/knest create cluster {2}2s$/m);
    reporter.listener({ type: 'started', id: 'lock', title: 'First' });
    reporter.listener({ type: 'done', id: 'lock', title: 'First', seconds: 0 });
    expect(during(text, 900)).not.toContain('knest');
    expect(during(text, 1200)).toMatch(/knest create cluster {2}2s$/m);
    reporter.close();
    // nothing of it stays
    expect(text().split('\n').at(-1)).not.toContain('knest');
  });

  it('of a program that has the terminal is not broken', () => {
    vi.useFakeTimers();
    const { terminal: target, text } = terminal(true);
    const reporter = liveReporter(target);
    vi.advanceTimersByTime(10_000);
    expect(text()).toBe('');
    reporter.close();
  });

  it('is no reason to say anything in a log', async () => {
    vi.useFakeTimers();
    const { terminal: target, text } = terminal(false);
    const reporter = await openReporter(target, 'auto', false, 'knest create cluster');
    vi.advanceTimersByTime(10_000);
    reporter.close();
    expect(text()).toBe('');
  });
});

describe('openReporter', () => {
  it('chooses by what stderr is', async () => {
    const cases = [
      [terminal(true, { NO_COLOR: '1' }), 'auto', '⠋ First'],
      [terminal(true, { TERM: 'dumb' }), 'auto', 'First ...\n'],
      [terminal(false), 'auto', 'First ...\n'],
      [terminal(false), 'tty', '⠋ First'],
      [terminal(true), 'plain', 'First ...\n'],
      [terminal(true), 'json', '"type":"started"'],
    ] as const;
    for (const [{ terminal: target, text }, mode, expected] of cases) {
      const reporter = await openReporter(target, mode, false);
      reporter.listener({ type: 'started', id: 'machine/a', title: 'First' });
      reporter.close();
      expect(text()).toContain(expected);
    }
  });

  it('tells nothing when quiet', async () => {
    const { terminal: target, text } = terminal(true);
    const reporter = await openReporter(target, 'auto', true);
    reporter.listener({ type: 'started', id: 'machine/a', title: 'First' });
    reporter.say('x');
    reporter.close();
    expect(text()).toBe('');
  });
});
