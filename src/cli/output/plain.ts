/** The story as plain lines, for logs: no colours, nothing drawn twice, steps in parallel told apart by their titles. */

import type { StepEvent } from '../../events.ts';
import type { Terminal } from '../terminal.ts';
import { formatSeconds } from './duration.ts';
import { oneLine } from './printable.ts';
import type { Reporter } from './reporter.ts';

/** Progress of one step is told at most this often, in milliseconds: a log is not a dial. */
const progressInterval = 10_000;

export function plainReporter({ stderr }: Terminal, now: () => number = Date.now): Reporter {
  const line = plainLines();
  return {
    listener: (event) => {
      const text = line(event, now());
      if (text !== undefined) stderr.write(`${text}\n`);
    },
    say: (text) => {
      stderr.write(`${text}\n`);
    },
    close: () => undefined,
  };
}

/** Gives the line for each event in turn, or undefined for what is left out. */
export function plainLines(): (event: StepEvent, now: number) => string | undefined {
  const titles = new Map<string, string>();
  const toldAt = new Map<string, number>();
  return (event, now) => {
    switch (event.type) {
      case 'started':
        titles.set(event.id, oneLine(event.title));
        toldAt.set(event.id, now);
        return `${oneLine(event.title)} ...`;
      case 'progress': {
        if (now - (toldAt.get(event.id) ?? now) < progressInterval) return undefined;
        toldAt.set(event.id, now);
        return `${titles.get(event.id) ?? event.id}: ${oneLine(event.message)}`;
      }
      case 'done':
        return `${oneLine(event.title)}: done (${formatSeconds(event.seconds)})`;
      case 'skipped':
        return `${oneLine(event.title)}: already done`;
      case 'failed':
        return `${oneLine(event.title)}: FAILED (${formatSeconds(event.seconds)})`;
      case 'note':
        return event.level === 'warning' ? `Warning: ${oneLine(event.message)}` : oneLine(event.message);
    }
  };
}
