/** The story as one JSON object a line, for programs. Fields are only ever added within a version. */

import type { StepEvent } from '../../events.ts';
import { InputError, KnestError } from '../../errors.ts';
import type { Terminal } from '../terminal.ts';
import type { Reporter } from './reporter.ts';

export const jsonLinesVersion = 1;

export function jsonLinesReporter({ stderr }: Terminal, now: () => Date = () => new Date()): Reporter {
  const write = (entry: Record<string, unknown>) => {
    stderr.write(jsonLine(entry, now()));
  };
  return {
    listener: (event) => {
      write(entryOf(event));
    },
    say: (message) => {
      write({ type: 'note', level: 'info', message });
    },
    close: () => undefined,
  };
}

/** {"version":1,"time":"...","type":"started",...} */
export function jsonLine(entry: Record<string, unknown>, now: Date): string {
  return `${JSON.stringify({ version: jsonLinesVersion, time: now.toISOString(), ...entry })}\n`;
}

/** An error as data, for the last line of a run that failed. */
export function errorEntry(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { message: String(error) };
  if (!(error instanceof KnestError)) return { name: error.name, message: error.message, kind: 'bug' };
  return {
    name: error.name,
    message: error.message,
    code: error.code,
    kind: error.kind,
    details: error.details,
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    ...(error instanceof InputError ? { problems: error.problems } : {}),
  };
}

function entryOf(event: StepEvent): Record<string, unknown> {
  return event.type === 'failed' ? { ...event, error: errorEntry(event.error) } : { ...event };
}
