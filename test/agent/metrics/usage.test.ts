import { expect, it } from 'vitest';

import { nodeMetrics, podMetrics, readSummary } from '../../../src/agent/metrics/usage.ts';
import { container, pod, summary } from './fixture.ts';

const now = new Date('2026-01-01T00:10:04.567Z');

it('says it in the words of metrics-server', () => {
  const usage = readSummary(summary(pod('web', container('app', 1500, 4096), container('proxy', 20, 1024))));
  const app = { labels: { app: 'web' } };
  expect(usage.node && nodeMetrics({ name: 'one' }, usage.node, now)).toEqual({
    kind: 'NodeMetrics',
    apiVersion: 'metrics.k8s.io/v1beta1',
    metadata: { name: 'one', creationTimestamp: '2026-01-01T00:10:04Z' },
    timestamp: '2026-01-01T00:10:00Z',
    window: '10s',
    usage: { cpu: '250000000n', memory: '1048576Ki' },
  });
  const containers = usage.pods.get('uid-web') ?? [];
  expect(podMetrics({ name: 'web', namespace: 'shop', ...app }, containers, now)).toMatchObject({
    metadata: { name: 'web', namespace: 'shop', ...app },
    containers: [
      { name: 'app', usage: { cpu: '1500n', memory: '4Ki' } },
      { name: 'proxy', usage: { cpu: '20n', memory: '1Ki' } },
    ],
  });
});

it.each([
  ['no rate yet', container('new', undefined, 1024)],
  ['a rate of 0 because the kubelet has looked once', container('new', 0, 1024, '2026-01-01T00:09:55Z')],
])('leaves a pod out of which one container has %s', (_, young) => {
  const { pods } = readSummary(
    summary(pod('web', container('app', 1500, 4096), young), pod('db', container('db', 7))),
  );
  expect([...pods.keys()]).toEqual(['uid-db']);
});

it('believes that one which has been there for longer does nothing', () => {
  const { pods } = readSummary(summary(pod('idle', container('pause', 0, 1024))));
  expect(pods.get('uid-idle')).toMatchObject([{ nanoCores: 0 }]);
});

it('takes what an empty kubelet says', () => {
  expect(readSummary({})).toEqual({ node: undefined, pods: new Map() });
  expect(readSummary({ node: {}, pods: [{}] })).toEqual({ node: undefined, pods: new Map() });
});
