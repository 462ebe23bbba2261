import { describe, expect, it } from 'vitest';

import {
  addressesIn,
  formatRange,
  inRange,
  parseRange,
  rangesMeet,
  rangeWithin,
  subnetsOfRange,
} from '../../src/formats/address-range.ts';

describe('a range', () => {
  it.each([
    ['10.0.0.200-10.0.0.250', '10.0.0.200-10.0.0.250'],
    ['10.0.0.200 - 10.0.1.3', '10.0.0.200-10.0.1.3'],
    ['10.0.0.192/30', '10.0.0.192-10.0.0.195'],
    ['10.0.0.7', '10.0.0.7-10.0.0.7'],
    ['fd00:0::1-fd00::ff', 'fd00::1-fd00::ff'],
    ['fd00::/126', 'fd00::-fd00::3'],
  ])('is read: %s', (text, canonical) => {
    expect(formatRange(parseRange(text))).toBe(canonical);
  });

  it.each([
    '',
    '10.0.0.1-',
    '10.0.0.9-10.0.0.1',
    '10.0.0.1-fd00::1',
    '1-2',
    '10.0.0.1-10.0.0.2-10.0.0.3',
    'x/24',
  ])('is refused: "%s"', (text) => {
    expect(() => parseRange(text)).toThrow(`"${text.split(/-|$/)[0] ?? ''}`);
  });

  it('knows what lies in it', () => {
    const range = parseRange('10.0.0.255-10.0.1.1');
    expect(
      ['10.0.0.254', '10.0.0.255', '10.0.1.1', '10.0.1.2', '::1', 'x'].map((a) => inRange(range, a)),
    ).toEqual([...[false, true, true, false, false, false]]);
    expect([...addressesIn(range)]).toEqual(['10.0.0.255', '10.0.1.0', '10.0.1.1']);
    expect(rangesMeet(range, parseRange('10.0.1.1-10.0.1.9'))).toBe(true);
    expect(rangesMeet(range, parseRange('10.0.1.2'))).toBe(false);
    expect(rangeWithin(range, parseRange('10.0.0.0/23'))).toBe(true);
    expect(rangeWithin(range, parseRange('10.0.0.0/24'))).toBe(false);
  });

  it.each([
    ['10.0.0.200-10.0.0.210', ['10.0.0.200/29', '10.0.0.208/31', '10.0.0.210/32']],
    ['10.0.0.0/24', ['10.0.0.0/24']],
    ['0.0.0.0/0', ['0.0.0.0/0']],
    ['fd00::1-fd00::4', ['fd00::1/128', 'fd00::2/127', 'fd00::4/128']],
  ])('is exactly these subnets: %s', (text, subnets) => {
    expect(subnetsOfRange(parseRange(text))).toEqual(subnets);
  });
});
