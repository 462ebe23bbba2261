/** etcd's keys over its JSON gateway, which has keys and values in base64 (api/etcdserverpb/rpc.proto). */

/** How many keys there are, and at which revision of the store that was so. */
export interface KeyCount {
  /** A 64 bit number in decimal. */
  revision: string;
  keys: number;
}

export interface KeyValue {
  key: string;
  value: Buffer;
}

export interface RangeAnswer {
  header?: { revision?: string };
  kvs?: { key?: string; value?: string }[];
  more?: boolean;
  count?: string;
}

/** From the first key to the last. */
export const allKeys = { key: encoded('\0'), range_end: encoded('\0') } as const;

/** Every key that begins so: up to the first one that begins with a higher last byte. */
export function beginningWith(prefix: string): { key: string; range_end: string } {
  const end = Buffer.from(prefix);
  end.writeUInt8((end.at(-1) ?? 0) + 1, end.length - 1);
  return { key: encoded(prefix), range_end: end.toString('base64') };
}

export function encoded(value: string | Uint8Array): string {
  return Buffer.from(value).toString('base64');
}

export function readCount({ header, count }: RangeAnswer): KeyCount {
  return { revision: header?.revision ?? '0', keys: Number(count ?? 0) };
}

export function readKeys({ kvs = [] }: RangeAnswer): KeyValue[] {
  return kvs.map(({ key = '', value = '' }) => ({
    key: Buffer.from(key, 'base64').toString(),
    value: Buffer.from(value, 'base64'),
  }));
}
