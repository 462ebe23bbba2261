/** Ranges of addresses as text: "10.0.0.200-10.0.0.250", a subnet with all of its addresses, or a single address. */

import { KnestError } from '../errors.ts';
import { formatAddress, parseAddress, parseCidr } from './cidr.ts';

export interface AddressRange {
  family: 4 | 6;
  first: bigint;
  last: bigint;
}

/** @throws KnestError (usage) when the text is no range */
export function parseRange(text: string): AddressRange {
  const bounds = text.includes('/') ? boundsOfSubnet(text) : text.split('-').map((part) => part.trim());
  const [first, last] = [parseAddress(bounds[0] ?? ''), parseAddress(bounds.at(-1) ?? '')];
  if (bounds.length > 2 || !first || !last || first.family !== last.family)
    throw new KnestError(`"${text}" is not a range of addresses like 10.0.0.200-10.0.0.250`, {
      code: 'INVALID_INPUT',
    });
  if (first.value > last.value)
    throw new KnestError(`"${text}" ends before it begins`, { code: 'INVALID_INPUT' });
  return { family: first.family, first: first.value, last: last.value };
}

/** The one way to write a range: "10.0.0.200-10.0.0.250". */
export function formatRange({ family, first, last }: AddressRange): string {
  return `${formatAddress(family, first)}-${formatAddress(family, last)}`;
}

/** Whether an address lies in a range; what is no address lies in none. */
export function inRange({ family, first, last }: AddressRange, address: string): boolean {
  const parsed = parseAddress(address);
  return parsed?.family === family && parsed.value >= first && parsed.value <= last;
}

/** Whether two ranges share an address. */
export function rangesMeet(a: AddressRange, b: AddressRange): boolean {
  return a.family === b.family && a.first <= b.last && b.first <= a.last;
}

/** Whether all of a range lies in another one. */
export function rangeWithin(inner: AddressRange, outer: AddressRange): boolean {
  return inner.family === outer.family && inner.first >= outer.first && inner.last <= outer.last;
}

/** The addresses of a range from its beginning; lazy, as IPv6 ranges have more than anyone can count. */
export function* addressesIn({ family, first, last }: AddressRange): Generator<string, void, undefined> {
  for (let value = first; value <= last; value += 1n) yield formatAddress(family, value);
}

/** The fewest subnets that are together exactly this range: what routes can lead to. */
export function subnetsOfRange({ family, first, last }: AddressRange): string[] {
  const bits = family === 4 ? 32 : 128;
  const subnets: string[] = [];
  for (let start = first; start <= last;) {
    let free = 0;
    // as large as its first address may begin and the rest of the range may hold
    while (
      free < bits &&
      start % (1n << BigInt(free + 1)) === 0n &&
      start + (1n << BigInt(free + 1)) - 1n <= last
    )
      free += 1;
    subnets.push(`${formatAddress(family, start)}/${bits - free}`);
    start += 1n << BigInt(free);
  }
  return subnets;
}

function boundsOfSubnet(text: string): string[] {
  const { family, network, prefix } = parseCidr(text);
  const size = 1n << BigInt((family === 4 ? 32 : 128) - prefix);
  return [formatAddress(family, network), formatAddress(family, network + size - 1n)];
}
