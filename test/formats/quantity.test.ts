import { expect, it } from 'vitest';

import { parseQuantity } from '../../src/formats/quantity.ts';

it.each([
  ['2', 2],
  ['250m', 0.25],
  ['1500000000n', 1.5],
  ['16374036Ki', 16374036 * 1024],
  ['1.5Gi', 1.5 * 2 ** 30],
  ['1e3', 1000],
  ['2G', 2e9],
  ['0', 0],
  ['', undefined],
  ['Mi', undefined],
  ['5 Mi', undefined],
  ['5mi', undefined],
  ['1.2.3', undefined],
  [undefined, undefined],
])('%j is %j', (text, value) => {
  const parsed = parseQuantity(text);
  if (value === undefined) expect(parsed).toBeUndefined();
  else expect(parsed).toBeCloseTo(value, 9);
});
