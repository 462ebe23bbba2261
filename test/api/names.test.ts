import { expect, it } from 'vitest';

import { randomName } from '../../src/api/index.ts';
import { nameWith } from '../../src/api/names.ts';
import { nameProblem } from '../../src/spec/values.ts';

it('random names are names, and hardly ever the same', () => {
  const names = Array.from({ length: 1000 }, () => randomName('shop'));
  expect(names.filter((name) => nameProblem(name) !== undefined)).toEqual([]);
  expect(names.filter((name) => !/^shop-[a-z2-9]{6}$/.test(name))).toEqual([]);
  expect(new Set(names).size).toBe(1000);
  expect(randomName()).toMatch(/^knest-/);
});

it('a prefix that does not fit is refused, the longest that fits is not', () => {
  expect(nameProblem(randomName('a'.repeat(33)))).toBeUndefined();
  expect(() => randomName('a'.repeat(34))).toThrow('The name: 1 problem');
  expect(() => randomName('Shop')).toThrow('The name: 1 problem');
  expect(() => nameWith('', 'x')).toThrow('The name: 1 problem');
});
