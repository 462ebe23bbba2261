import type { ClusterOverview, PodOverview } from '../../src/operations/types.ts';

const use = (cpu: number, mebibytes: number) => ({ cpu, memory: mebibytes * 2 ** 20 });
const unknown = { cpu: undefined, memory: undefined };

export function podOverview(name: string, changes: Partial<PodOverview> = {}): PodOverview {
  return {
    ...{ namespace: 'shop', name, node: 'demo-worker', status: 'Running' },
    ...{ containers: 1, readyContainers: 1, restarts: 0, ...use(0.1, 20) },
    ...changes,
  };
}

/** A cluster of two, one of which is stopped. */
export function overview(changes: Partial<ClusterOverview> = {}): ClusterOverview {
  return {
    ...{ name: 'demo', state: 'degraded', kubernetesVersion: 'v1.20.2', endpoint: 'https://10.89.0.2:6443' },
    apiserver: { ok: true, detail: 'ok' },
    apis: [],
    etcd: {
      quorum: true,
      members: [
        {
          ...{ name: 'demo-control-plane', id: '1', ok: true, healthy: true, detail: '', leader: true },
          ...{ learner: false, version: '3.5', dbSize: 1, raftTerm: 1, raftIndex: 1, alarms: [] },
        },
      ],
    },
    nodes: [
      {
        ...{ name: 'demo-control-plane', role: 'control-plane', state: 'running', status: 'Ready' },
        units: { active: 9, total: 10, troubled: ['kubelet.service'] },
        ...{ used: use(0.25, 437), allocatable: use(4, 8000), pods: 1 },
      },
      {
        ...{ name: 'demo-worker', role: 'worker', state: 'stopped', status: 'Unknown' },
        units: { active: 0, total: 0, troubled: [] },
        ...{ used: unknown, allocatable: use(4, 8000), pods: 2 },
      },
    ],
    measured: true,
    pods: [
      podOverview('idle', { cpu: 0.001 }),
      podOverview('busy', { cpu: 0.9 }),
      podOverview('crash', {
        node: 'demo-control-plane',
        status: 'CrashLoopBackOff',
        readyContainers: 0,
        restarts: 7,
      }),
      podOverview('waiting', { node: undefined, status: 'Pending', readyContainers: 0, ...unknown }),
    ],
    events: [
      {
        ...{ time: '2026-01-01T00:00:00Z', type: 'Warning', object: 'Pod/crash', namespace: 'shop' },
        ...{ reason: 'BackOff', message: 'Back-off restarting\n\u001b[31mfailed container' },
      },
    ],
    ...changes,
  };
}
