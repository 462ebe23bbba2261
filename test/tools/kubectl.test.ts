import { expect, it } from 'vitest';

import { drainProgress } from '../../src/tools/kubectl.ts';

it('counts the pods that kubectl drain has evicted, of those that it has found', () => {
  const told: string[] = [];
  const onLine = drainProgress((message) => told.push(message));
  [
    'node/demo-worker cordoned',
    'WARNING: ignoring DaemonSet-managed Pods: kube-system/x',
    'evicting pod shop/a',
    'evicting pod shop/b',
    'error when evicting pods/"b" -n "shop" (will retry after 5s): disruption budget',
    'pod/a evicted',
    'evicting pod shop/b',
    'pod/b evicted',
    'node/demo-worker drained',
  ].forEach(onLine);
  expect(told).toEqual([
    '0 of 1 pods are evicted',
    '0 of 2 pods are evicted',
    '1 of 2 pods are evicted',
    '2 of 2 pods are evicted',
  ]);
});
