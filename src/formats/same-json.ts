import { isDeepStrictEqual } from 'node:util';

/** Whether two values are not the same as JSON: a field that is undefined is as good as none. */
export function differs(a: unknown, b: unknown): boolean {
  if (isDeepStrictEqual(a, b)) return false;
  return !isDeepStrictEqual(plain(a), plain(b));
}

function plain(value: unknown): unknown {
  const text = JSON.stringify(value) as string | undefined;
  return text === undefined ? undefined : (JSON.parse(text) as unknown);
}
