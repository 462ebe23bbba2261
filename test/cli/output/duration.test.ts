import { describe, expect, it } from 'vitest';
import { formatAge, formatSeconds, parseDuration } from '../../../src/cli/output/duration.ts';

describe('parseDuration', () => {
  it.each([
    ['0', 0],
    ['0s', 0],
    ['500ms', 500],
    ['30s', 30_000],
    ['1.5s', 1500],
    ['5m', 300_000],
    ['1h30m', 5_400_000],
    ['1m2s3ms', 62_003],
    ['30d', 2_592_000_000],
  ])('%s is %d ms', (text, expected) => {
    expect(parseDuration(text)).toBe(expected);
  });

  it.each(['', '5', '-5s', '5 s', 's', '5x', '1.s', 'm5', '5min'])('%j is none', (text) => {
    expect(parseDuration(text)).toBeUndefined();
  });
});

describe('formatSeconds', () => {
  it.each([
    [0, '0.0s'],
    [-1, '0.0s'],
    [0.04, '0.0s'],
    [12.34, '12.3s'],
    [59.94, '59.9s'],
    [59.96, '1m00s'],
    [65, '1m05s'],
    [3599.6, '1h00m'],
    [7380, '2h03m'],
  ])('%d is %s', (seconds, expected) => {
    expect(formatSeconds(seconds)).toBe(expected);
  });
});

describe('formatAge', () => {
  const now = new Date('2030-01-10T00:00:00Z');

  it.each([
    ['2030-01-10T00:00:01Z', '0s'],
    ['2030-01-09T23:59:00Z', '60s'],
    ['2030-01-09T23:55:00Z', '5m'],
    ['2030-01-09T12:00:00Z', '12h'],
    ['2030-01-01T00:00:00Z', '9d'],
    ['yesterday', '<unknown>'],
  ])('since %s: %s', (since, expected) => {
    expect(formatAge(new Date(since), now)).toBe(expected);
  });
});
