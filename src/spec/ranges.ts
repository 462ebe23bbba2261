/** Ranges of addresses as the user writes them: "10.0.0.200-10.0.0.250", "10.0.0.192/27". */

import { KnestError } from '../errors.ts';
import { parseRange } from '../formats/address-range.ts';
import { parseCidr } from '../formats/cidr.ts';

/** What is wrong with a range; undefined when all is well. */
export function rangeProblem(text: string): string | undefined {
  try {
    parseRange(text);
    if (!text.includes('/')) return undefined;
    const { hostBits, text: subnet } = parseCidr(text);
    return hostBits ? `"${text}" is an address within a subnet; the subnet is ${subnet}` : undefined;
  } catch (error) {
    if (error instanceof KnestError) return error.message;
    throw error;
  }
}
