import { afterEach, beforeEach, expect, it, vi } from 'vitest';

import { keepMembership } from '../../../src/agent/dns/endpoints.ts';
import type { EndpointsObject } from '../../../src/clients/kubernetes/objects.ts';
import { fakeApi } from '../fake-api.ts';
import type { FakeApi } from '../fake-api.ts';

const endpoints = '/api/v1/namespaces/kube-system/endpoints';
const leases = '/apis/coordination.k8s.io/v1/namespaces/kube-system/leases';
let api: FakeApi;
const stops: (() => Promise<void>)[] = [];

beforeEach(() => {
  vi.spyOn(console, 'log').mockImplementation(() => undefined);
  api = fakeApi();
});
afterEach(async () => {
  await Promise.all(stops.splice(0).map((stop) => stop()));
});

function join(address: string): () => Promise<void> {
  const ending = new AbortController();
  const member = { node: `node-${address}`, address, ports: { dns: 53, metrics: 9153 } };
  const done = keepMembership(api, member, ending.signal, { renewal: 50, silence: 250 });
  const stop = async (): Promise<void> => {
    ending.abort();
    await done;
  };
  stops.push(stop);
  return stop;
}

function members(): string {
  const { subsets = [] } = (api.object(endpoints, 'kube-dns') ?? {}) as EndpointsObject;
  return subsets.flatMap(({ addresses = [] }) => addresses.map(({ ip }) => ip)).join(' ');
}

it('puts its address in with the ports that tools look for, and writes nothing more when it is alone', async () => {
  join('10.0.0.1');
  await vi.waitUntil(() => members() === '10.0.0.1');
  expect(api.object(endpoints, 'kube-dns')).toMatchObject({
    metadata: { labels: { 'k8s-app': 'kube-dns' } },
    subsets: [
      {
        addresses: [{ ip: '10.0.0.1', nodeName: 'node-10.0.0.1' }],
        ports: [
          { name: 'dns', port: 53, protocol: 'UDP' },
          { name: 'dns-tcp', port: 53, protocol: 'TCP' },
          { name: 'metrics', port: 9153, protocol: 'TCP' },
        ],
      },
    ],
  });
  const before = api.calls.length;
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(api.calls.slice(before)).toEqual([]);
});

it('stays with others that live, whoever writes first', async () => {
  for (const address of ['10.0.0.1', '10.0.0.2', '10.0.0.3']) join(address);
  const all = '10.0.0.1 10.0.0.2 10.0.0.3';
  await vi.waitUntil(() => members() === all);
  await new Promise((resolve) => setTimeout(resolve, 500));
  expect(members()).toBe(all);
  expect(api.object(leases, 'knest-dns-node-10.0.0.2')).toMatchObject({
    spec: { holderIdentity: '10.0.0.2' },
  });
});

it('takes out who is silent, within seconds, and who says goodbye, at once', async () => {
  join('10.0.0.1');
  await vi.waitUntil(() => members() === '10.0.0.1');
  const object = api.object(endpoints, 'kube-dns') as EndpointsObject;
  const [subset] = object.subsets ?? [];
  const addresses = [...(subset?.addresses ?? []), { ip: '10.0.0.9' }];
  api.put(endpoints, { ...object, subsets: [{ ...subset, addresses }] } as EndpointsObject);
  const leave = join('10.0.0.2');
  await vi.waitUntil(() => members() === '10.0.0.1 10.0.0.2 10.0.0.9');
  await vi.waitUntil(() => members() === '10.0.0.1 10.0.0.2', { timeout: 2000 });
  await leave();
  expect(members()).toBe('10.0.0.1');
});

it('comes back when somebody takes it out', async () => {
  join('10.0.0.1');
  await vi.waitUntil(() => members() === '10.0.0.1');
  api.remove(endpoints, 'kube-dns');
  await vi.waitUntil(() => members() === '10.0.0.1');
});

it('leaves its address behind when it is the last one', async () => {
  const stop = join('10.0.0.1');
  await vi.waitUntil(() => members() === '10.0.0.1');
  await stop();
  expect(members()).toBe('10.0.0.1');
});
