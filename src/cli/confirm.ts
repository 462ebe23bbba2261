/** Asking before something happens that pods or users notice. */

import type { ClusterDiff } from '../api/commands.ts';
import { InputError } from '../errors.ts';
import { paletteFor } from './output/colour.ts';
import { renderDiff } from './output/diff-text.ts';
import type { Terminal } from './terminal.ts';

/** Costs that nobody has to be asked about. */
const harmless: readonly ClusterDiff['cost'][] = ['none', 'unit restarted'];

/**
 * Shows what would change, and asks on a terminal where machines start anew, pods move or data is lost.
 * @param yes nobody is asked
 * @throws InputError where nobody can be asked
 */
export async function confirmChange(
  terminal: Terminal,
  diff: ClusterDiff,
  { yes, say }: { yes: boolean; say: (text: string) => void },
): Promise<boolean> {
  say(renderDiff(diff, paletteFor(terminal.stderr, terminal.env)).trimEnd());
  if (yes || harmless.includes(diff.cost)) return true;
  if (!terminal.stdinIsTTY || !terminal.stderr.isTTY) {
    const message = `machines start anew, pods move or data is lost (${diff.cost}), and there is no terminal to ask on`;
    const hint = 'look at it with knest diff, then say --yes';
    throw new InputError('The flags', [{ path: '--yes', message, hint }]);
  }
  say('Go on? [y/N]');
  const agreed = await answerOf(terminal);
  if (!agreed) say('Nothing was changed.');
  return agreed;
}

/** One key is enough. */
function answerOf(terminal: Terminal): Promise<boolean> {
  return new Promise((resolve) => {
    const stop = terminal.onKeys((keys) => {
      stop();
      resolve(/^y/i.test(keys));
    });
  });
}
