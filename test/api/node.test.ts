import { expect, it } from 'vitest';

import { ExecError, isKnestError, KnestError } from '../../src/api/index.ts';
import { checked } from '../../src/api/exec.ts';
import { selectNode } from '../../src/api/node.ts';
import type { NodeSelector } from '../../src/api/index.ts';

const node = (name: string, role: 'control-plane' | 'worker') => ({ name, role, addresses: ['192.0.2.1'] });
const cluster = {
  name: 'shop',
  context: 'knest-shop',
  endpoint: 'https://192.0.2.1:6443',
  kubernetesVersion: 'v1.20.2',
  kubeconfig: '/state/clusters/shop/kubeconfig',
  nodes: [
    node('shop-control-plane', 'control-plane'),
    node('shop-worker', 'worker'),
    node('shop-worker2', 'worker'),
  ],
};

it.each<{ which: NodeSelector; name: string }>([
  { which: 'shop-worker2', name: 'shop-worker2' },
  { which: 'worker2', name: 'shop-worker2' },
  { which: { name: 'shop-worker' }, name: 'shop-worker' },
  { which: { role: 'worker' }, name: 'shop-worker' },
  { which: { role: 'control-plane' }, name: 'shop-control-plane' },
])('$which is $name', ({ which, name }) => {
  expect(selectNode(cluster, which).name).toBe(name);
});

it.each<{ which: NodeSelector; asked: string }>([
  { which: 'worker3', asked: 'node "worker3"' },
  { which: '', asked: 'node ""' },
  { which: { name: 'other-worker' }, asked: 'node "other-worker"' },
])('there is no $which', ({ which, asked }) => {
  const wanted: unknown = expect.objectContaining({
    kind: 'notFound',
    message: `cluster "shop" has no ${asked}`,
  });
  expect(() => selectNode(cluster, which)).toThrow(wanted);
});

it('a program that failed throws its result, unless that is wanted', () => {
  const result = {
    where: 'shop-worker',
    argv: ['cat', 'a b'],
    exitCode: 1,
    stdout: 'out',
    stderr: 'no such file\n',
    durationMs: 5,
    timedOut: false,
  };
  expect(checked(result, { reject: false })).toBe(result);
  expect(checked({ ...result, exitCode: 0 }, {})).toMatchObject({ exitCode: 0 });
  expect(() => checked({ ...result, exitCode: 0, timedOut: true }, {})).toThrow(
    'cat was ended after 5 ms in shop-worker',
  );
  const error = new ExecError(result);
  expect(error).toMatchObject(result);
  expect(error.shortMessage).toBe("cat exited 1 in shop-worker: cat 'a b'");
  expect(error.message).toBe("cat exited 1 in shop-worker: cat 'a b'\nno such file");
  expect(error.details).toEqual(['no such file']);
  expect(isKnestError(error, 'failed')).toBe(true);
  expect(isKnestError(error, 'notFound')).toBe(false);
  expect(isKnestError(new Error('no'))).toBe(false);
  expect(error).toBeInstanceOf(KnestError);
});
