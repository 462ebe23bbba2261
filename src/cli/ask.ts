/** Asking the user before something is changed that others may notice. */

import { InputError } from '../errors.ts';
import type { Story } from './cli.ts';
import type { Terminal } from './terminal.ts';

export interface Question {
  /** What would be done, in lines; told before the question. */
  says: readonly string[];
  /** "Upgrade cluster lab?" */
  question: string;
  /** Why that needs an answer, and what to do, where nobody can be asked. */
  unasked?: { message: string; hint: string };
}

const usually = {
  message: 'nobody can be asked here, and nothing was changed',
  hint: '--yes goes on without a question, --dry-run only says what would be done',
};

/**
 * Asks on a terminal; the answer is one key.
 * @throws InputError where nobody can be asked and --yes was not given
 */
export async function askUser(
  terminal: Terminal,
  { say }: Pick<Story, 'say'>,
  { says, question, unasked = usually }: Question,
  { yes, signal }: { yes: boolean; signal: AbortSignal },
): Promise<boolean> {
  for (const line of says) say(line);
  if (yes) return true;
  if (!terminal.stdinIsTTY || !terminal.stderr.isTTY) {
    throw new InputError('The flags', [{ path: '--yes', ...unasked }]);
  }
  say(`${question} [y/N]`);
  return new Promise((resolve, reject) => {
    const end = terminal.onKeys((keys) => {
      stop();
      resolve(/^y/i.test(keys));
    });
    const onAbort = (): void => {
      stop();
      reject(signal.reason as Error);
    };
    const stop = (): void => {
      signal.removeEventListener('abort', onAbort);
      end();
    };
    signal.addEventListener('abort', onAbort, { once: true });
  });
}
