import { beforeEach, expect, it, vi } from 'vitest';

import { ApiError } from '../../../src/clients/kubernetes/client.ts';
import { keepWatching } from '../../../src/agent/kubernetes/keep-watching.ts';
import type { KubernetesObject } from '../../../src/clients/kubernetes/objects.ts';
import { fakeApi } from '../fake-api.ts';
import type { FakeApi } from '../fake-api.ts';

const path = '/api/v1/services';
let api: FakeApi;
let told: string[];

beforeEach(() => {
  vi.spyOn(console, 'log').mockImplementation(() => undefined);
  api = fakeApi();
  told = [];
});

const named = (name: string): KubernetesObject => ({ metadata: { name, namespace: 'shop' } });
const watch = (): Promise<void> =>
  keepWatching(api, path, {
    set: ({ metadata }) => told.push(`set ${metadata?.name ?? ''}`),
    delete: ({ metadata }) => told.push(`delete ${metadata?.namespace ?? ''}/${metadata?.name ?? ''}`),
  });
const count = (kind: string): number => api.calls.filter((call) => call.startsWith(kind)).length;

it('tells what is there before it returns, and then every change', async () => {
  api.put(path, named('web'));
  await watch();
  expect(told).toEqual(['set web']);
  await vi.waitUntil(() => count('WATCH') === 1);
  api.put(path, named('db'));
  api.put(path, named('web'));
  api.remove(path, 'db');
  expect(told).toEqual(['set web', 'set db', 'set web', 'delete shop/db']);
});

it('goes on where a watch ended, without listing again', async () => {
  await watch();
  await vi.waitUntil(() => count('WATCH') === 1);
  api.put(path, named('web'));
  api.endWatches();
  await vi.waitUntil(() => count('WATCH') === 2);
  expect(count('GET')).toBe(1);
  expect(api.calls.at(-1)).toContain('resourceVersion=2');
  expect(told).toEqual(['set web']);
});

it('finds out what has changed when the API server no longer knows', async () => {
  api.put(path, named('gone'));
  api.put(path, named('kept'));
  await watch();
  await vi.waitUntil(() => count('WATCH') === 1);
  told = [];
  api.endWatches(new Error('the connection has ended'));
  api.remove(path, 'gone');
  api.put(path, named('new'));
  api.forget();
  await vi.waitUntil(() => told.length === 3);
  expect(told).toEqual(['delete shop/gone', 'set kept', 'set new']);
});

it('takes 410 in a watch for what it is', async () => {
  await watch();
  await vi.waitUntil(() => count('WATCH') === 1);
  api.endWatches(new ApiError(410, 'too old'));
  await vi.waitUntil(() => count('WATCH') === 2);
  expect(count('GET')).toBe(2);
});

it('tries until the API server is there, a few times a second', async () => {
  api.failWith(new Error('connect ECONNREFUSED'));
  const watching = watch();
  await vi.waitUntil(() => count('GET') === 3);
  api.failWith(undefined);
  await watching;
  expect(told).toEqual([]);
});

it('forgets nothing while the API server is away', async () => {
  api.put(path, named('web'));
  await watch();
  await vi.waitUntil(() => count('WATCH') === 1);
  api.failWith(new ApiError(503, 'starting'));
  api.endWatches(new Error('aborted'));
  await vi.waitUntil(() => count('WATCH') === 3);
  api.failWith(undefined);
  await vi.waitUntil(() => count('WATCH') === 4);
  expect(told).toEqual(['set web']);
});
