import { describe, expect, it } from 'vitest';
import { closest, editDistance } from '../../src/spec/suggest.ts';

describe('editDistance', () => {
  it.each([
    ['', '', 0],
    ['', 'abc', 3],
    ['suite', 'suit', 1],
    ['mirror', 'mirorr', 1],
    ['kitten', 'sitting', 3],
  ])('%j to %j: %d', (a, b, expected) => {
    expect(editDistance(a, b)).toBe(expected);
    expect(editDistance(b, a)).toBe(expected);
  });
});

describe('closest', () => {
  it('takes the nearest, whatever its case', () => {
    expect(closest('nodesubnet', ['podSubnet', 'nodeSubnet', 'nodes'])).toBe('nodeSubnet');
  });

  it('does not guess wildly', () => {
    expect(closest('colour', ['name', 'suite', 'mirror'])).toBeUndefined();
  });
});
