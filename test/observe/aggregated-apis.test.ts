import { expect, it } from 'vitest';

import { readAggregatedApis } from '../../src/observe/aggregated-apis.ts';

const apiService = (name: string, service: object | undefined, ...conditions: object[]) => ({
  metadata: { name },
  spec: { service },
  status: { conditions },
});
const service = { namespace: 'kube-system', name: 'knest-metrics', port: 10264 };

it('tells of APIs that others answer, and of those that do not', async () => {
  const items = [
    apiService('v1.apps', undefined, { type: 'Available', status: 'True', message: 'Local' }),
    apiService('v1beta1.metrics.k8s.io', service, { type: 'Available', status: 'True', message: 'passed' }),
    apiService('v1.a.example', service, {
      type: 'Available',
      status: 'False',
      message: 'connection refused',
    }),
    apiService('v1.b.example', service),
  ];
  const client = { get: <T>() => Promise.resolve({ items } as T) };
  const by = 'kube-system/knest-metrics';
  expect(await readAggregatedApis(client)).toEqual([
    { name: 'v1beta1.metrics.k8s.io', service: by, ok: true, detail: '' },
    { name: 'v1.a.example', service: by, ok: false, detail: 'connection refused' },
    { name: 'v1.b.example', service: by, ok: false, detail: 'the API server has not asked it yet' },
  ]);
});
