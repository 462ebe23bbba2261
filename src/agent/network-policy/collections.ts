/** nftables sets and maps; one of each family, as an element is of one type. */

export type Family = 4 | 6;

/** The header that a rule of a family looks at. */
export const header: Record<Family, 'ip' | 'ip6'> = { 4: 'ip', 6: 'ip6' };

export interface Collection {
  kind: 'set' | 'map';
  name: string;
  /** "ipv4_addr" */
  type: string;
  elements: ReadonlySet<string>;
}

/** The name of a collection, of one family. */
export type NameOfFamily = (family: Family) => string;

export interface Collector {
  /** @param type of its elements, given that of an address; @param elements each begins with an address */
  add: (
    kind: Collection['kind'],
    name: string,
    type: (address: string) => string,
    elements: readonly string[],
  ) => NameOfFamily;
  /** The set that was added with the same key, else a new one whose name is numbered. */
  share: (
    key: string,
    name: string,
    type: (address: string) => string,
    elements: () => readonly string[],
  ) => NameOfFamily;
  all: () => Collection[];
}

const addressType: Record<Family, string> = { 4: 'ipv4_addr', 6: 'ipv6_addr' };

export function collector(families: readonly Family[]): Collector {
  const collections: Collection[] = [];
  const shared = new Map<string, NameOfFamily>();
  const numbers = new Map<string, number>();
  const add: Collector['add'] = (kind, name, type, elements) => {
    const named: NameOfFamily = (family) => `${name}-${header[family]}`;
    for (const family of families) {
      collections.push({
        ...{ kind, name: named(family), type: type(addressType[family]) },
        elements: new Set(elements.filter((element) => startsWith(family, element))),
      });
    }
    return named;
  };
  return {
    add,
    share: (key, name, type, elements) => {
      const known = shared.get(key);
      if (known) return known;
      const number = (numbers.get(name) ?? 0) + 1;
      numbers.set(name, number);
      const named = add('set', `${name}-${number}`, type, elements());
      shared.set(key, named);
      return named;
    },
    all: () => collections,
  };
}

function startsWith(family: Family, element: string): boolean {
  const [address = ''] = element.split(' ', 1);
  return (address.includes(':') ? 6 : 4) === family;
}
