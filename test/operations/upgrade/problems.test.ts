import { describe, expect, it } from 'vitest';

import { healthProblems } from '../../../src/operations/upgrade/problems.ts';
import type { Seen } from '../../../src/operations/upgrade/problems.ts';

const ready = {
  ...{ name: 'a', ready: true, unschedulable: false, kubeletVersion: 'v1.21.1', heartbeat: undefined },
  conditions: [{ type: 'Ready', status: 'True', reason: '', message: '' }],
  allocatable: {},
};
const well: Seen = {
  etcd: { quorum: true, members: [] },
  api: { nodes: [ready] },
  expected: ['a'],
  requests: [],
  objects: {},
  storedVersions: [],
};
const member = {
  ...{ name: 'a', id: '1', ok: true, healthy: true, detail: '', leader: true, learner: false, alarms: [] },
  ...{ version: '3.5.16', dbSize: 1, raftTerm: 1, raftIndex: 1 },
};
const ingresses = {
  group: 'extensions',
  version: 'v1beta1',
  resource: 'ingresses',
  removedIn: '1.22',
};

function messages(seen: Partial<Seen>, step?: { from: string; to: string }): string[] {
  return healthProblems({ ...well, ...seen }, step).map(({ check, message }) => `${check}: ${message}`);
}

describe('what speaks against an upgrade', () => {
  it('is nothing where all is well', () => {
    const etcd = { quorum: true, members: [member] };
    expect(messages({ etcd }, { from: 'v1.21.1', to: 'v1.22.1' })).toEqual([]);
  });

  it('is everything at once', () => {
    const ill = { ...member, name: 'b', ok: false, detail: 'alarm NOSPACE' };
    expect(
      messages({
        etcd: { quorum: true, members: [member, ill] },
        api: { nodes: [{ ...ready, ready: false, conditions: [] }] },
        expected: ['a', 'b'],
        storedVersions: [{ name: 'things.example.com', versions: ['v1alpha1'] }],
      }),
    ).toEqual([
      'etcd: etcd of b is not well: alarm NOSPACE',
      'nodes: node a is not Ready',
      'nodes: node b is not registered',
      'stored-versions: things.example.com may have objects stored as v1alpha1, which its definition does not have',
    ]);
  });

  it('is an API server that does not answer', () => {
    expect(messages({ api: { problem: 'ECONNREFUSED' } })).toEqual([
      'nodes: the API server does not answer: ECONNREFUSED',
    ]);
  });

  it('is who asks for what goes, once for all API servers', () => {
    const step = { from: 'v1.21.1', to: 'v1.22.1' };
    expect(messages({ requests: [ingresses, ingresses] }, step)).toEqual([
      'apis: somebody asks for ingresses of extensions/v1beta1, which Kubernetes does not have from 1.22 on',
    ]);
    const [problem] = healthProblems({ ...well, requests: [ingresses] }, step);
    expect(problem?.hint).toContain('let them use networking.k8s.io/v1');
  });

  it.each([
    ['goes later', ingresses, 'v1.21.9'],
    ['goes at no time that is known', { ...ingresses, group: 'x', removedIn: undefined }, 'v1.36.0'],
    [
      'is asked for by garbage collectors, too',
      { group: 'policy', version: 'v1beta1', resource: 'podsecuritypolicies', removedIn: '1.25' },
      'v1.25.0',
    ],
  ])('is not what %s', (_, request, to) => {
    expect(messages({ requests: [request] }, { from: 'v1.21.1', to })).toEqual([]);
  });

  it('is objects that nothing takes the place of', () => {
    const objects = { podsecuritypolicies: 2 };
    expect(messages({ objects }, { from: 'v1.24.1', to: 'v1.25.0' })).toEqual([
      'objects: there are podsecuritypolicies (2), which Kubernetes does not have from 1.25 on',
    ]);
    expect(messages({ objects }, { from: 'v1.23.1', to: 'v1.24.0' })).toEqual([]);
  });

  it('is nothing of the API where Kubernetes stays', () => {
    expect(messages({ requests: [ingresses], objects: { podsecuritypolicies: 2 } })).toEqual([]);
  });
});
