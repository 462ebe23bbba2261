import { beforeEach, expect, it, vi } from 'vitest';

import { answer } from '../../../src/agent/metrics/answers.ts';
import { openKubelets } from '../../../src/agent/metrics/kubelets.ts';
import { ApiError } from '../../../src/clients/kubernetes/client.ts';
import { fakeApi } from '../fake-api.ts';
import type { FakeApi } from '../fake-api.ts';
import { container, pod, summary } from './fixture.ts';

const root = '/apis/metrics.k8s.io/v1beta1';
let api: FakeApi;
let asked: string[];

beforeEach(() => {
  vi.spyOn(console, 'log').mockImplementation(() => undefined);
  api = fakeApi();
  asked = [];
  for (const [name, address] of [
    ['one', '10.0.0.2'],
    ['two', '10.0.0.3'],
    ['silent', '10.0.0.4'],
  ]) {
    const addresses = [{ type: 'InternalIP', address }];
    api.put('/api/v1/nodes', { metadata: { name, labels: { of: name } }, status: { addresses } } as never);
  }
  putPod('web', 'one');
  putPod('db', 'two');
  putPod('waiting', undefined);
});

function putPod(name: string, nodeName: string | undefined): void {
  const metadata = { name, namespace: 'shop', uid: `uid-${name}`, labels: { app: name } };
  for (const path of ['/api/v1/pods', '/api/v1/namespaces/shop/pods'])
    api.put(path, { metadata, spec: { nodeName } } as never);
}

/** What each kubelet says; nobody is at 10.0.0.4. */
const summaries: Record<string, object> = {
  '10.0.0.2': summary(pod('web', container('app', 1500, 4096))),
  '10.0.0.3': summary(pod('db', container('db', 7, 1024)), pod('another', container('x', 1))),
};

async function get(path: string) {
  const kubelets = openKubelets((url) => {
    asked.push(url.hostname);
    const found = summaries[url.hostname];
    return found ? Promise.resolve(JSON.stringify(found)) : Promise.reject(new Error('ECONNREFUSED'));
  });
  const { status, body } = await answer(new URL(path, 'https://localhost'), api, kubelets);
  return { status, body: body as { kind: string; items?: Item[]; message?: string } & Item };
}

interface Item {
  metadata: { name: string; namespace?: string; labels?: object };
}

const names = (items: Item[] = []) => items.map(({ metadata }) => metadata.name).sort();

it('lists the nodes whose kubelets answer', async () => {
  const { body } = await get(`${root}/nodes`);
  expect(body.kind).toBe('NodeMetricsList');
  expect(names(body.items)).toEqual(['one', 'two']);
  expect(body.items?.[0]?.metadata.labels).toEqual({ of: 'one' });
});

it('lists the pods of all namespaces, of one, and single ones', async () => {
  const { body } = await get(`${root}/pods`);
  expect(body.kind).toBe('PodMetricsList');
  expect(names(body.items)).toEqual(['db', 'web']);
  expect(names((await get(`${root}/namespaces/shop/pods`)).body.items)).toEqual(['db', 'web']);
  expect(names((await get(`${root}/namespaces/empty/pods`)).body.items)).toEqual([]);
  asked = [];
  const one = await get(`${root}/namespaces/shop/pods/web`);
  expect(one.body).toMatchObject({ kind: 'PodMetrics', metadata: { name: 'web', labels: { app: 'web' } } });
  expect(asked).toEqual(['10.0.0.2']);
  expect((await get(`${root}/nodes/two`)).body).toMatchObject({ kind: 'NodeMetrics' });
});

it('leaves selecting to the API server', async () => {
  await get(
    `${root}/namespaces/shop/pods?labelSelector=app%20in%20(web)&fieldSelector=status.phase%3DRunning&limit=500`,
  );
  expect(api.calls[0]).toBe(
    'GET /api/v1/namespaces/shop/pods?resourceVersion=0&labelSelector=app+in+%28web%29&fieldSelector=status.phase%3DRunning',
  );
});

it.each([
  [404, 'NotFound', `${root}/namespaces/shop/pods/waiting`],
  [404, 'NotFound', `${root}/nodes/silent`],
  [404, 'NotFound', `${root}/namespaces/shop/services`],
  [404, 'NotFound', `${root}/namespaces/shop/pods/web/log`],
  [404, 'NotFound', '/apis/metrics.k8s.io/v1/nodes'],
  [405, 'MethodNotAllowed', `${root}/pods?watch=true`],
])('answers %i %s to %s', async (code, reason, path) => {
  const { status, body } = await get(path);
  expect(status).toBe(code);
  expect(body).toMatchObject({ kind: 'Status', apiVersion: 'v1', status: 'Failure', reason, code });
});

it('hands on what the API server says of a selector, and says when that is away', async () => {
  api.failWith(new ApiError(400, 'unable to parse requirement'));
  expect(await get(`${root}/pods?labelSelector=%3D`)).toMatchObject({
    status: 400,
    body: { reason: 'BadRequest', message: 'unable to parse requirement' },
  });
  api.failWith(new Error('ECONNREFUSED'));
  expect(await get(`${root}/pods`)).toMatchObject({ status: 503, body: { reason: 'ServiceUnavailable' } });
});
