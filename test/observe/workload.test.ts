import { expect, it } from 'vitest';

import { readWorkload } from '../../src/observe/workload.ts';

const running = {
  phase: 'Running',
  containerStatuses: [
    { ready: true, restartCount: 2 },
    { ready: true, restartCount: 1 },
  ],
};
const pod = (name: string, status: object, metadata = {}) => ({
  metadata: { name, namespace: 'shop', ...metadata },
  spec: { nodeName: 'one', containers: [{}, {}] },
  status,
});
const answers: Record<string, object[]> = {
  '/api/v1/pods': [
    pod('web', running),
    pod('crash', {
      phase: 'Running',
      containerStatuses: [{ state: { waiting: { reason: 'CrashLoopBackOff' } } }],
    }),
    pod('evicted', { phase: 'Failed', reason: 'Evicted' }),
    pod('leaving', running, { deletionTimestamp: '2026-01-01T00:00:00Z' }),
    { metadata: { name: 'waiting', namespace: 'shop' }, status: { phase: 'Pending' } },
  ],
  '/api/v1/events': [
    { involvedObject: { kind: 'Pod', name: 'old' }, lastTimestamp: '2026-01-01T00:00:01Z' },
    {
      involvedObject: { kind: 'Pod', name: 'new' },
      lastTimestamp: null,
      eventTime: '2026-01-01T00:00:02.5Z',
      type: 'Warning',
    },
  ],
  '/apis/metrics.k8s.io/v1beta1/nodes': [
    { metadata: { name: 'one' }, usage: { cpu: '500m', memory: '2Gi' } },
  ],
  '/apis/metrics.k8s.io/v1beta1/pods': [
    {
      metadata: { name: 'web', namespace: 'shop' },
      containers: [{ usage: { cpu: '100m', memory: '1Mi' } }, { usage: { cpu: '50m', memory: '1Mi' } }],
    },
  ],
};
const client = (known = answers) => ({
  get: <T>(path: string) =>
    known[path] ? Promise.resolve({ items: known[path] } as T) : Promise.reject(new Error(`503 ${path}`)),
});

it('tells what runs, what it uses and what has happened', async () => {
  const { nodes, pods, events, measured } = await readWorkload(client());
  expect(measured).toBe(true);
  expect([...nodes]).toEqual([['one', { cpu: 0.5, memory: 2 * 2 ** 30 }]]);
  expect(pods.map(({ name, status }) => `${name} ${status}`)).toEqual([
    'web Running',
    'crash CrashLoopBackOff',
    'evicted Evicted',
    'leaving Terminating',
    'waiting Pending',
  ]);
  expect(pods[0]).toMatchObject({
    node: 'one',
    containers: 2,
    readyContainers: 2,
    restarts: 3,
    memory: 2 ** 21,
  });
  expect(pods[0]?.cpu).toBeCloseTo(0.15);
  expect(pods[4]?.node).toBeUndefined();
  expect(events.map(({ object, type }) => `${object} ${type}`)).toEqual([
    'Pod/new Warning',
    'Pod/old Normal',
  ]);
});

it('does without metrics', async () => {
  const known = Object.fromEntries(Object.entries(answers).filter(([path]) => !path.includes('metrics')));
  const { nodes, pods, measured } = await readWorkload(client(known));
  expect(measured).toBe(false);
  expect(nodes.get('one')).toBeUndefined();
  expect(pods).toHaveLength(5);
});

it('fails when the API server does not answer', async () => {
  await expect(readWorkload(client({}))).rejects.toThrow('503');
});
