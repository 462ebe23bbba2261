import { randomInt } from 'node:crypto';

import { InputError } from '../errors.ts';
import { maximumNameLength, nameProblem } from '../spec/values.ts';

/** Without letters and digits that look like one another. */
const letters = 'abcdefghjkmnpqrstuvwxyz23456789';
const digits = 6;

/**
 * A name for a cluster that nobody else has: "shop-k7q2mz". One in 900 million: tests may run side by side.
 * @throws InputError when the prefix does not fit
 */
export function randomName(prefix = 'knest'): string {
  return nameWith(prefix, Array.from({ length: digits }, () => letters[randomInt(letters.length)]).join(''));
}

/** @throws InputError when prefix and ending make no name of a cluster */
export function nameWith(prefix: string, ending: string): string {
  const room = maximumNameLength - ending.length - 1;
  const message =
    prefix.length > room ? `is ${prefix.length} characters long; at most ${room} fit` : nameProblem(prefix);
  if (message !== undefined) throw new InputError('The name', [{ path: 'prefix', message }]);
  return `${prefix}-${ending}`;
}
