import { beforeEach, expect, it } from 'vitest';

import { memoryHost } from '../../src/host/memory.ts';
import type { Host } from '../../src/host/types.ts';
import {
  generationsKept,
  keepGeneration,
  keptPlans,
  listGenerations,
  requireGeneration,
} from '../../src/state/history.ts';
import type { KeptSnapshot } from '../../src/state/history.ts';
import { clusterSpec, planOf } from '../fixtures/cluster.ts';

const paths = { state: '/var/lib/knest', cache: '/var/cache/knest' };
const folder = '/var/lib/knest/clusters/knest/history';
const spec = clusterSpec();
const plan = planOf({ spec });
const now = new Date('2030-01-02T03:04:05Z');
const change = { spec, plan, before: 'upgrade' as const, says: 'Kubernetes v1.34.0', now };
const data: KeptSnapshot = {
  taken: '2030-01-02T03:04:04.000Z',
  etcd: '3.5.16',
  revision: '812',
  keys: 240,
  size: 4_000_000,
};

let host: Host;
beforeEach(() => {
  host = memoryHost();
});

it('keeps what a cluster was, with etcd’s data', async () => {
  const snapshot = async (path: string): Promise<KeptSnapshot> => {
    await host.writeFile(path, 'etcd', 0o600);
    return data;
  };
  const kept = await keepGeneration(host, paths, { ...change, snapshot });
  expect(kept).toEqual({
    ...{ number: 1, taken: now.toISOString(), before: 'upgrade', says: 'Kubernetes v1.34.0' },
    ...{ kubernetesVersion: plan.kubernetesVersion, nodes: 1, snapshot: data },
  });
  expect(await listGenerations(host, paths, 'knest')).toEqual([kept]);
  const found = await requireGeneration(host, paths, 'knest');
  expect(found).toEqual({ ...kept, spec, plan, snapshotFile: `${folder}/1/etcd.db` });
  expect(await host.readFile(found.snapshotFile)).toBe('etcd');
  expect(await keptPlans(host, paths, 'knest')).toEqual([plan]);
});

it('counts on, and forgets the oldest', async () => {
  for (let count = 0; count < generationsKept + 2; count += 1) await keepGeneration(host, paths, change);
  const numbers = (await listGenerations(host, paths, 'knest')).map(({ number }) => number);
  expect(numbers).toEqual([3, 4, 5, 6, 7]);
  expect((await host.list(folder)).sort()).toEqual(['3', '4', '5', '6', '7']);
});

it('does not count what was begun and not finished, and takes it away', async () => {
  await keepGeneration(host, paths, change);
  const failing = () => Promise.reject(new Error('etcd does not answer'));
  await expect(keepGeneration(host, paths, { ...change, snapshot: failing })).rejects.toThrow('etcd does');
  expect(await host.list(folder)).toEqual(['1', '2']);
  expect(await listGenerations(host, paths, 'knest')).toHaveLength(1);
  await host.writeFile(`${folder}/2/plan.json`, '{', 0o600);
  await keepGeneration(host, paths, change);
  expect((await requireGeneration(host, paths, 'knest')).number).toBe(2);
  expect(await host.list(`${folder}/2`)).toEqual(['about.json', 'plan.json', 'spec.json']);
});

it('says which there are', async () => {
  await expect(requireGeneration(host, paths, 'knest')).rejects.toThrow(
    'nothing is known of what cluster "knest" was before: it was not changed yet',
  );
  await keepGeneration(host, paths, change);
  await expect(requireGeneration(host, paths, 'knest', 3)).rejects.toMatchObject({
    message: 'cluster "knest" has no generation 3',
    code: 'GENERATION_NOT_FOUND',
    hint: 'it has 1: knest get generations --name knest',
  });
});

it.each([
  ['about.json', '{"version":3,"number":"one"}', 'is not as knest wrote it'],
  ['about.json', '{"version":99}', 'by a newer knest'],
  ['plan.json', '{"version":3}', 'is not as knest wrote it'],
  ['spec.json', '{}', 'is not as knest wrote it'],
])('names a file %s with %s', async (name, content, said) => {
  await keepGeneration(host, paths, change);
  await host.writeFile(`${folder}/1/${name}`, content, 0o600);
  await expect(requireGeneration(host, paths, 'knest')).rejects.toThrow(said);
});
