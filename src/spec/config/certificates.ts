/** The config file: how long certificates last. */

import * as z from 'zod';
import { parseDuration } from '../../formats/duration.ts';
import { checkedText } from './fields.ts';

/** The clocks of nodes may differ by minutes, and programs look at their files every few minutes only. */
const shortest = 60_000;

function lifetimeProblem(text: string): string | undefined {
  const milliseconds = parseDuration(text);
  if (milliseconds === undefined) return `"${text}" is not a duration like 365d, 10y or 12h`;
  if (milliseconds < shortest) return `"${text}" is too short: at least 1m`;
  return milliseconds > 100 * 365 * 86_400_000 ? `"${text}" is too long: at most 100y` : undefined;
}

const lifetime = (description: string) => checkedText(lifetimeProblem).optional().meta({ description });

export const certificatesSchema = z
  .strictObject({
    validity: lifetime('How long certificates are good for: `365d`, `10y`, `12h`. Default: 365d.'),
    authorityValidity: lifetime(
      'The same of the authorities that sign them; these are renewed by `knest rotate ca`. Default: 10y.',
    ),
    renewBefore: lifetime(
      'Nodes renew a certificate themselves when it has less than this left. Default: 60d, or half of `validity` where that is shorter.',
    ),
  })
  .meta({ description: 'How long certificates last, and when nodes renew theirs.' });
