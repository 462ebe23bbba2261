/** Asking before something happens that pods or users notice. */

import type { ClusterDiff } from '../api/commands.ts';
import { askUser } from './ask.ts';
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
  { yes, say, signal }: { yes: boolean; say: (text: string) => void; signal: AbortSignal },
): Promise<boolean> {
  const question = {
    says: [renderDiff(diff, paletteFor(terminal.stderr, terminal.env)).trimEnd()],
    question: 'Go on?',
    unasked: {
      message: `machines start anew, pods move or data is lost (${diff.cost}), and there is no terminal to ask on`,
      hint: 'look at it with knest diff, then say --yes',
    },
  };
  const answer = { yes: yes || harmless.includes(diff.cost), signal };
  const agreed = await askUser(terminal, { say }, question, answer);
  if (!agreed) say('Nothing was changed.');
  return agreed;
}
