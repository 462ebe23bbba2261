import { expect, it } from 'vitest';

import { linesBetween, skewProblems, upgradeStages } from '../../../src/plan/versions/upgrade-path.ts';
import type { NodeToUpgrade } from '../../../src/plan/versions/upgrade-path.ts';

function nodes(planes: readonly string[], workers: readonly string[] = []): NodeToUpgrade[] {
  return [
    ...workers.map((version, index) => ({ name: `w${index + 1}`, role: 'worker' as const, version })),
    ...planes.map((version, index) => ({ name: `c${index + 1}`, role: 'control-plane' as const, version })),
  ];
}

it.each([
  ['the next line', ['v1.35.3'], 'v1.36.2', []],
  ['a newer patch', ['v1.35.3'], 'v1.35.4', []],
  ['three lines', ['v1.33.4'], 'v1.36.2', ['v1.34', 'v1.35']],
  ['from the oldest control plane on', ['v1.34.1', 'v1.33.4'], 'v1.35.0', ['v1.34']],
])('stops on the way to %s', (_, planes, target, expected) => {
  expect(linesBetween(nodes(planes), target)).toEqual(expected);
});

it.each([
  [
    'control planes before workers, which are not in that order',
    nodes(['v1.35.3'], ['v1.35.3']),
    ['v1.36.2'],
    ['v1.36.2 c1 w1'],
  ],
  [
    'workers once at the end',
    nodes(['v1.33.4', 'v1.33.4'], ['v1.33.4']),
    ['v1.34.9', 'v1.35.4', 'v1.36.2'],
    ['v1.34.9 c1 c2', 'v1.35.4 c1 c2', 'v1.36.2 c1 c2 w1'],
  ],
  [
    'workers in between where they would be too old',
    nodes(['v1.24.0'], ['v1.24.0']),
    ['v1.25.1', 'v1.26.1', 'v1.27.1'],
    ['v1.25.1 c1', 'v1.26.1 c1 w1', 'v1.27.1 c1 w1'],
  ],
  [
    'what an interrupted upgrade left',
    nodes(['v1.35.4', 'v1.34.9', 'v1.34.9'], ['v1.33.4']),
    ['v1.35.4', 'v1.36.2'],
    ['v1.35.4 c2 c3', 'v1.36.2 c1 c2 c3 w1'],
  ],
  ['nothing', nodes(['v1.36.2'], ['v1.36.2']), ['v1.36.2'], []],
])('brings to it %s', (_, present, versions, expected) => {
  const stages = upgradeStages(present, versions);
  expect(stages.map((stage) => `${stage.version} ${stage.nodes.join(' ')}`)).toEqual(expected);
});

it('leaves other nodes as they are', () => {
  expect(upgradeStages(nodes(['v1.36.2'], ['v1.35.1', 'v1.35.1']), ['v1.36.2'], ['w2'])).toEqual([
    { version: 'v1.36.2', nodes: ['w2'] },
  ]);
});

it.each([
  ['nothing against all of them', nodes(['v1.33.4'], ['v1.30.1']), 'v1.36.2', undefined, ''],
  [
    'an older version',
    nodes(['v1.35.3']),
    'v1.34.1',
    undefined,
    'v1.34.1 is older than what c1 (v1.35.3) has',
  ],
  [
    'a worker before its control plane',
    nodes(['v1.35.3'], ['v1.35.3']),
    'v1.36.2',
    ['w1'],
    'the kubelet of w1 would be v1.36.2, newer than the API server of c1 (v1.35.3)',
  ],
  [
    'a worker left too far behind',
    nodes(['v1.33.1'], ['v1.32.1']),
    'v1.36.2',
    ['c1'],
    'the kubelet of w1 would stay at v1.32.1, more than 3 minor versions behind v1.36.2',
  ],
  [
    'control planes too far apart',
    nodes(['v1.34.1', 'v1.34.1']),
    'v1.36.2',
    ['c1'],
    'c2 would stay at v1.34.1 beside v1.36.2 of c1: API servers may be one minor version apart',
  ],
  ['one control plane first', nodes(['v1.35.1', 'v1.35.1']), 'v1.36.2', ['c1'], ''],
])('says of %s', (_, present, target, only, expected) => {
  const said = skewProblems(present, target, only).map(({ message }) => message);
  expect(said.join('\n')).toBe(expected);
});
