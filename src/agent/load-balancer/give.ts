/** Which Service has which addresses of the pool. */

import { addressesIn, inRange, type AddressRange } from '../../formats/address-range.ts';
import { canonicalAddress } from '../../formats/cidr.ts';
import { familyOf, type Family, type Wish } from './services.ts';

export interface Given {
  /** By name of the Service. Those that want none are in with none, so that they give back what they have. */
  addresses: ReadonlyMap<string, readonly string[]>;
  /** Why a Service does not have all that it wants. */
  refused: ReadonlyMap<string, string>;
}

/** Who has an address keeps it; after that those that ask for one, then the rest; always the older Service first. */
export function giveAddresses(wishes: readonly Wish[], pool: readonly AddressRange[]): Given {
  const inOrder = [...wishes].sort((a, b) => compare(a.created, b.created) || compare(a.name, b.name));
  const holders = new Map<string, string>();
  const given = new Map<string, Map<Family, string>>(inOrder.map(({ name }) => [name, new Map()]));
  const reasons = new Map<string, string[]>();
  const give = (name: string, family: Family, address: string): void => {
    holders.set(address, name);
    given.get(name)?.set(family, address);
  };
  const refuse = (name: string, reason: string): void => {
    reasons.set(name, [...(reasons.get(name) ?? []), reason]);
  };
  const inPool = (address: string): boolean => pool.some((range) => inRange(range, address));
  const withAsked = inOrder.map((wish) => ({ ...wish, wants: askedBy(wish) }));

  for (const { name, has } of withAsked.filter(({ others }) => others !== undefined)) {
    for (const address of has) holders.set(address, name);
  }
  for (const { name, families, has, wants } of withAsked) {
    for (const family of families) {
      const old = has.find((address) => familyOf(address) === family && inPool(address));
      const wanted = wants.get(family) ?? old;
      if (old !== undefined && wanted === old && !holders.has(old)) give(name, family, old);
    }
  }
  for (const { name, families, asked, wants } of withAsked) {
    const odd = asked.find((address) => !families.some((family) => family === familyOf(address)));
    if (families.length > 0 && odd !== undefined)
      refuse(name, `${odd}, which it asks for, is no address for it`);
    for (const [family, address] of wants) {
      if (given.get(name)?.has(family)) continue;
      const holder = holders.get(address);
      if (!inPool(address)) refuse(name, `${address}, which it asks for, is not in the pool of this cluster`);
      else if (holder !== undefined) refuse(name, `${address}, which it asks for, belongs to ${holder}`);
      else give(name, family, address);
    }
  }
  for (const { name, families, wants } of withAsked) {
    for (const family of families) {
      if (wants.has(family) || given.get(name)?.has(family)) continue;
      const ranges = pool.filter((range) => range.family === family);
      const address = firstFree(ranges, holders);
      if (address !== undefined) give(name, family, address);
      // a Service of both families is content with the one that has a pool
      else if (ranges.length > 0 || families.length === 1) refuse(name, emptiness(family, ranges));
    }
  }
  return {
    addresses: new Map(
      withAsked.map(({ name, families }) => [
        name,
        families.flatMap((family) => given.get(name)?.get(family) ?? []),
      ]),
    ),
    refused: new Map([...reasons].map(([name, all]) => [name, all.join('; ')])),
  };
}

/** One address per family that it has. */
function askedBy({ asked, families }: Wish): Map<Family, string> {
  return new Map(
    asked.flatMap((text) => {
      const family = familyOf(text);
      const address = canonicalAddress(text);
      return family === undefined || address === undefined || !families.includes(family)
        ? []
        : [[family, address]];
    }),
  );
}

function firstFree(
  ranges: readonly AddressRange[],
  holders: ReadonlyMap<string, string>,
): string | undefined {
  for (const range of ranges) {
    for (const address of addressesIn(range)) if (!holders.has(address)) return address;
  }
  return undefined;
}

function emptiness(family: Family, ranges: readonly AddressRange[]): string {
  const count = ranges.reduce((sum, { first, last }) => sum + last - first + 1n, 0n);
  return count === 0n
    ? `this cluster has no IPv${family} addresses for Services`
    : `none of the ${count.toString()} IPv${family} addresses for Services is free`;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
