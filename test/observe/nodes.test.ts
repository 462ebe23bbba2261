import { describe, expect, it } from 'vitest';

import type { KubernetesClient } from '../../src/clients/kubernetes/client.ts';
import { readNodes, statusInWords } from '../../src/observe/nodes.ts';

const condition = (type: string, status: string) => ({
  ...{ type, status, reason: 'R', message: '', lastHeartbeatTime: '2026-01-02T03:04:05Z' },
});

describe('readNodes', () => {
  it('reads what there is, also of a node that has just registered', async () => {
    const items = [
      {
        metadata: { name: 'a' },
        spec: { unschedulable: true },
        status: {
          conditions: [condition('Ready', 'True')],
          nodeInfo: { kubeletVersion: 'v1.36.2' },
          allocatable: { cpu: '4' },
        },
      },
      { metadata: { name: 'b' } },
    ];
    const client = { get: () => Promise.resolve({ items }) } as unknown as KubernetesClient;
    expect(await readNodes(client)).toEqual([
      {
        ...{ name: 'a', ready: true, unschedulable: true, kubeletVersion: 'v1.36.2' },
        heartbeat: new Date('2026-01-02T03:04:05Z'),
        conditions: [{ type: 'Ready', status: 'True', reason: 'R', message: '' }],
        allocatable: { cpu: '4' },
      },
      {
        ...{ name: 'b', ready: false, unschedulable: false, kubeletVersion: undefined },
        ...{ heartbeat: undefined, conditions: [], allocatable: {} },
      },
    ]);
  });
});

describe('statusInWords', () => {
  it.each([
    [['True'], false, 'Ready'],
    [['True'], true, 'Ready,SchedulingDisabled'],
    [['False'], false, 'NotReady'],
    [['Unknown'], true, 'NotReady,SchedulingDisabled'],
    [[], false, 'Unknown'],
  ])('Ready is %j, cordoned %s: %s', (statuses, unschedulable, expected) => {
    const conditions = statuses.map((status) => condition('Ready', status));
    const ready = statuses.includes('True');
    const node = { name: 'n', kubeletVersion: undefined, heartbeat: undefined, allocatable: {} };
    expect(statusInWords({ ...node, ready, unschedulable, conditions })).toBe(expected);
  });
});
