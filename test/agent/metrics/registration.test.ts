import { beforeEach, expect, it, vi } from 'vitest';

import { keepRegistered } from '../../../src/agent/metrics/registration.ts';
import type { ApiServiceObject } from '../../../src/agent/metrics/registration.ts';
import { fakeApi } from '../fake-api.ts';
import type { FakeApi } from '../fake-api.ts';

const path = '/apis/apiregistration.k8s.io/v1/apiservices';
const name = 'v1beta1.metrics.k8s.io';
let api: FakeApi;
let lines: string[];

function apiService(service: string, port?: number): ApiServiceObject {
  return {
    ...{ apiVersion: 'apiregistration.k8s.io/v1', kind: 'APIService', metadata: { name } },
    spec: { service: { namespace: 'kube-system', name: service, ...(port === undefined ? {} : { port }) } },
  };
}

const own = apiService('knest-metrics', 10_264);
const serviceNow = () => (api.object(path, name) as ApiServiceObject | undefined)?.spec?.service?.name;
const creations = () => api.calls.filter((call) => call === `POST ${path}`).length;

/** Returns once changes are seen. */
async function register(delay?: number): Promise<void> {
  await keepRegistered(api, own, delay);
  await vi.waitFor(() => {
    expect(api.calls.some((call) => call.startsWith('WATCH'))).toBe(true);
  });
}

beforeEach(() => {
  api = fakeApi();
  lines = [];
  vi.spyOn(console, 'log').mockImplementation((line: string) => lines.push(line));
});

it('registers the agent where nobody is', async () => {
  await register();
  expect(serviceNow()).toBe('knest-metrics');
  // one name of a list is what the right to watch can be limited to
  expect(api.calls[0]).toBe(`GET ${path}?fieldSelector=metadata.name%3D${name}`);
});

it('tries again when the API server refuses, as while its rights are not there yet', async () => {
  api.failWith(new Error('forbidden'));
  const registered = keepRegistered(api, own);
  await vi.waitFor(() => {
    expect(lines).not.toEqual([]);
  });
  api.failWith(undefined);
  await registered;
  expect(serviceNow()).toBe('knest-metrics');
});

it('leaves a metrics-server alone, and comes back when it is gone', async () => {
  api.put(path, apiService('metrics-server'));
  await register(20);
  expect(serviceNow()).toBe('metrics-server');
  api.remove(path, name);
  await vi.waitFor(() => {
    expect(serviceNow()).toBe('knest-metrics');
  });
  expect(creations()).toBe(1);
});

it('steps aside without a word of its own when one is applied over it', async () => {
  await register(20);
  api.put(path, apiService('metrics-server'));
  expect(lines.at(-1)).toContain('kube-system/metrics-server, and not here');
  expect(creations()).toBe(1);
  expect(serviceNow()).toBe('metrics-server');
});

it('lets somebody who replaces the object by deleting it be first', async () => {
  await register(50);
  api.remove(path, name);
  api.put(path, apiService('metrics-server'));
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(creations()).toBe(1);
  expect(serviceNow()).toBe('metrics-server');
});

it('takes its port away, which manifests that name none would keep', async () => {
  await register(20);
  const patch = `PATCH ${path}/${name}`;
  api.put(path, apiService('metrics-server', 10_264));
  await vi.waitFor(() => {
    expect(api.calls).toContain(patch);
  });
  // as the API server's merge patch does
  api.put(path, apiService('metrics-server'));
  api.put(path, apiService('knest-metrics', 10_264));
  expect(api.calls.filter((call) => call === patch)).toHaveLength(1);
});
