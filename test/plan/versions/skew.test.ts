import { expect, it } from 'vitest';

import { nextLine, upgradesOf } from '../../../src/plan/versions/skew.ts';

const available = [
  'v1.37.0-alpha.1',
  'v1.36.2',
  'v1.35.4',
  'v1.35.3',
  'v1.34.9',
  'v1.36.0-rc.1',
  'v1.27.1',
  'v1.28.1',
  'v1.26.9',
];

it.each([
  ['a newer patch and the next line, newest first', ['v1.35.3'], [], ['v1.36.2', 'v1.35.4']],
  ['nothing newer', ['v1.36.2'], [], []],
  ['previews for who has one', ['v1.36.0-rc.1'], [], ['v1.37.0-alpha.1', 'v1.36.2']],
  ['from the oldest control plane on', ['v1.35.4', 'v1.34.9'], [], ['v1.35.4', 'v1.35.3']],
  ['kubelets three lines older', ['v1.35.3'], ['v1.33.0'], ['v1.36.2', 'v1.35.4']],
  ['not when a kubelet would be four lines older', ['v1.35.3'], ['v1.32.0'], ['v1.35.4']],
  ['kubelets before 1.25 two lines older', ['v1.26.0'], ['v1.24.0'], ['v1.26.9']],
  ['no version that is none', ['own build'], [], []],
])('%s', (_, planes, workers, expected) => {
  const nodes = [
    ...planes.map((kubernetesVersion) => ({ role: 'control-plane' as const, kubernetesVersion })),
    ...workers.map((kubernetesVersion) => ({ role: 'worker' as const, kubernetesVersion })),
  ];
  expect(upgradesOf(nodes, available)).toEqual(expected);
});

it('names the next line', () => {
  expect(nextLine('v1.35.3')).toBe('v1.36');
  expect(nextLine('v1.37.0-alpha.1')).toBe('v1.38');
});
