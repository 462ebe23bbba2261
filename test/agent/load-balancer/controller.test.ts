import { afterEach, beforeEach, expect, it, vi } from 'vitest';

import { runController } from '../../../src/agent/load-balancer/controller.ts';
import { answerPulse } from '../../../src/agent/load-balancer/pulse.ts';
import type { ConfigMapObject, ServiceObject } from '../../../src/clients/kubernetes/objects.ts';
import { fakeApi } from '../fake-api.ts';
import type { FakeApi } from '../fake-api.ts';

const maps = '/api/v1/namespaces/kube-system/configmaps';
/** All namespaces at once for the watch, one of them for writing. */
const all = '/api/v1/services';
const shop = '/api/v1/namespaces/shop/services';
const events = '/api/v1/namespaces/shop/events';
let api: FakeApi;
let port: number;
let hearts: Map<string, Awaited<ReturnType<typeof answerPulse>>>;

beforeEach(async () => {
  vi.spyOn(console, 'log').mockImplementation(() => undefined);
  const fake = fakeApi();
  api = {
    ...fake,
    get: <T>(path: string) =>
      path === '/apis/discovery.k8s.io'
        ? Promise.resolve({ versions: [{ version: 'v1' }] } as T)
        : fake.get<T>(path),
    // what is written in the namespace is seen by those who watch all of them
    patch: async (path, changes) => {
      await fake.patch(path.replace(shop, all), changes);
    },
  };
  const first = await answerPulse('127.0.0.2', 0);
  ({ port } = first.address());
  hearts = new Map([
    ['one', first],
    ['two', await answerPulse('127.0.0.3', port)],
  ]);
  putNode('one', '127.0.0.2');
  putNode('two', '127.0.0.3');
});
afterEach(() => {
  for (const heart of hearts.values()) heart.close();
});

function putNode(name: string, address: string, labels = {}, ready = 'True'): void {
  api.put('/api/v1/nodes', {
    metadata: { name, labels },
    status: {
      addresses: [{ type: 'InternalIP', address }],
      conditions: [{ type: 'Ready', status: ready }],
    },
  } as never);
}

function putService(name: string, spec: ServiceObject['spec'] = {}, ...ips: string[]): void {
  api.put(all, {
    metadata: { name, namespace: 'shop', uid: name, creationTimestamp: '2020-01-01T00:00:00Z' },
    spec: { type: 'LoadBalancer', clusterIP: '10.96.0.9', ...spec },
    status: { loadBalancer: { ingress: ips.map((ip) => ({ ip })) } },
  } as never);
}

async function start(): Promise<void> {
  await runController(api, {
    ...{ node: 'control-plane', pool: ['10.0.0.1-10.0.0.2'], port },
    times: { renewal: 30, silence: 300 },
    pulse: { interval: 30, patience: 3 },
  });
  // what happens before that the API server in memory tells nobody
  await vi.waitUntil(() => [all, maps].every((path) => isWatched(path)));
}

const isWatched = (path: string) => api.calls.some((call) => call.startsWith(`WATCH ${path}?`));
const externalOf = (name: string) =>
  ((api.object(all, name) as ServiceObject | undefined)?.status?.loadBalancer?.ingress ?? [])
    .map(({ ip }) => ip)
    .join(' ');
const announced = () => (api.object(maps, 'knest-load-balancer') as ConfigMapObject | undefined)?.data;

it('asks and writes nothing in a cluster without such Services', async () => {
  putService('web', { type: 'ClusterIP' });
  await start();
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(api.calls.filter((call) => /nodes|endpointslices|POST|PUT|PATCH/.test(call))).toEqual([]);
});

it('gives an address, which one node answers for, and another one when that dies', async () => {
  await start();
  putService('web');
  await vi.waitUntil(() => externalOf('web') === '10.0.0.1');
  expect(announced()).toEqual({ one: '10.0.0.1' });
  hearts.get('one')?.close();
  hearts.delete('one');
  await vi.waitUntil(() => announced()?.['two'] === '10.0.0.1');
  expect(announced()).toEqual({ two: '10.0.0.1' });
  // who comes back gets nothing back
  hearts.set('one', await answerPulse('127.0.0.2', port));
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(announced()).toEqual({ two: '10.0.0.1' });
});

it.each([
  [
    'is not Ready',
    () => {
      putNode('one', '127.0.0.2', {}, 'Unknown');
    },
  ],
  [
    'is excluded',
    () => {
      putNode('one', '127.0.0.2', { 'node.kubernetes.io/exclude-from-external-load-balancers': '' });
    },
  ],
  [
    'is deleted',
    () => {
      api.remove('/api/v1/nodes', 'one');
    },
  ],
])('moves an address away from a node that %s', async (_what, happens) => {
  await start();
  putService('web');
  await vi.waitUntil(() => announced()?.['one'] === '10.0.0.1' && isWatched('/api/v1/nodes'));
  happens();
  await vi.waitUntil(() => announced()?.['two'] === '10.0.0.1');
});

it('goes on where another one has ended', async () => {
  api.put(maps, { metadata: { name: 'knest-load-balancer' }, data: { two: '10.0.0.2' } } as never);
  putService('web', {}, '10.0.0.2');
  await start();
  putService('new');
  await vi.waitUntil(() => externalOf('new') === '10.0.0.1');
  expect(externalOf('web')).toBe('10.0.0.2');
  expect(announced()).toEqual({ one: '10.0.0.1', two: '10.0.0.2' });
});

it('takes back what is not needed, and clears up when nothing is left', async () => {
  await start();
  putService('web');
  putService('other');
  await vi.waitUntil(() => externalOf('web') !== '' && externalOf('other') !== '');
  putService('web', { type: 'NodePort' }, externalOf('web'));
  await vi.waitUntil(() => externalOf('web') === '');
  api.remove(all, 'other');
  await vi.waitUntil(() => Object.keys(announced() ?? { x: 1 }).length === 0);
});

it('says once why a Service waits, and gives it what becomes free', async () => {
  await start();
  for (const name of ['a', 'b', 'c']) putService(name);
  await vi.waitUntil(() => externalOf('a') !== '' && externalOf('b') !== '');
  putService('a', {}, externalOf('a'));
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(externalOf('c')).toBe('');
  // two that were given, one that was not
  expect(api.calls.filter((call) => call === `POST ${events}`)).toHaveLength(3);
  api.remove(all, 'a');
  await vi.waitUntil(() => externalOf('c') === '10.0.0.1');
});

it('does not insist against another controller, and says so', async () => {
  await start();
  putService('web');
  await vi.waitUntil(() => externalOf('web') === '10.0.0.1');
  const patches = () => api.calls.filter((call) => call.startsWith('PATCH')).length;
  expect(patches()).toBe(1);
  for (const status of [['192.0.2.7'], [], ['192.0.2.7'], []]) {
    putService('web', {}, ...status);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  expect(patches()).toBe(1);
  expect(announced()).toEqual({});
  // that it was given, and that it is left to others
  expect(api.calls.filter((call) => call === `POST ${events}`)).toHaveLength(2);
});

it('takes back what it gave before a Service was marked for another controller', async () => {
  await start();
  putService('web');
  await vi.waitUntil(() => externalOf('web') === '10.0.0.1');
  const web = api.object(all, 'web');
  const annotations = { 'metallb.io/address-pool': 'blue' };
  api.put(all, { ...web, metadata: { ...web?.metadata, annotations } });
  await vi.waitUntil(() => externalOf('web') === '');
  // it may be ours again: nobody has taken it from us
  api.put(all, { ...api.object(all, 'web'), metadata: { ...web?.metadata } });
  await vi.waitUntil(() => externalOf('web') === '10.0.0.1');
});

it('tries again what has failed', async () => {
  await start();
  api.failWith(new Error('connect ECONNREFUSED'));
  putService('web');
  await new Promise((resolve) => setTimeout(resolve, 100));
  api.failWith(undefined);
  await vi.waitUntil(() => externalOf('web') === '10.0.0.1', { timeout: 5000 });
});
