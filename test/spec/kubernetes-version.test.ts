import { describe, expect, it } from 'vitest';

import { fitsVersion, versionLabel, versionLine } from '../../src/spec/kubernetes-version.ts';

describe('fitsVersion', () => {
  it.each([
    ['v1.36.2', 'v1.36.2'],
    ['v1.36.2', 'v1.36'],
    ['v1.36.2', 'stable'],
    ['v1.36.2', 'stable-1'],
    ['v1.36.2', 'latest-1.36'],
    ['v1.36.0-rc.1', 'v1.36'],
    ['v1.36.0-alpha.3.12+abcdef-dirty', 'latest'],
    ['v1.3.0', 'v1.3'],
    ['whatever', undefined],
  ])('%s is %s', (version, wanted) => {
    expect(fitsVersion(version, wanted)).toBe(true);
  });

  it.each([
    ['v1.36.2', 'v1.36.1'],
    ['v1.36.2', 'v1.35'],
    ['v1.36.2', 'v1.3'],
    ['v1.36.2', 'stable-2'],
    ['v1.36.0-rc.1', 'stable-1.36'],
    ['whatever', 'v1.36'],
  ])('%s is not %s', (version, wanted) => {
    expect(fitsVersion(version, wanted)).toBe(false);
  });
});

it.each([
  [undefined, 'stable', undefined],
  ['v1.36.2', undefined, '1.36'],
  ['v1.36', 'stable-1.36', '1.36'],
  ['latest-1.36', 'latest-1.36', '1.36'],
  ['stable-1', 'stable-1', undefined],
])('%s has the label %s and the line %s', (wanted, label, line) => {
  expect(versionLabel(wanted)).toBe(label);
  expect(versionLine(wanted)).toBe(line);
});
