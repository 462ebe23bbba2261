/** Tells the story of a run on stderr, in one of four ways. */

import type { Terminal } from '../terminal.ts';
import type { Reporter } from './reporter.ts';

export const progressModes = ['auto', 'tty', 'plain', 'json'] as const;
export type ProgressMode = (typeof progressModes)[number];

/**
 * The reporter for a mode; the live list is only loaded where it is shown.
 * @param command see liveReporter
 */
export async function openReporter(
  terminal: Terminal,
  mode: ProgressMode,
  quiet: boolean,
  command?: string,
): Promise<Reporter> {
  // Scripts that ask for JSON lines read them; -q is for people.
  if (mode === 'json') return (await import('./json-lines.ts')).jsonLinesReporter(terminal);
  if (quiet) return silentReporter;
  if (mode === 'tty' || (mode === 'auto' && terminal.stderr.isTTY && terminal.env['TERM'] !== 'dumb')) {
    return (await import('./live.ts')).liveReporter(terminal, Date.now, command);
  }
  return (await import('./plain.ts')).plainReporter(terminal);
}

const silentReporter: Reporter = { listener: () => undefined, say: () => undefined, close: () => undefined };
