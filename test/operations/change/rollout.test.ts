import { describe, expect, it } from 'vitest';

import { diffPlans } from '../../../src/diff/diff-plans.ts';
import { planRollout } from '../../../src/operations/change/rollout.ts';
import type { RolloutOptions } from '../../../src/operations/change/rollout.ts';
import type { ClusterSpec } from '../../../src/spec/types.ts';
import { clusterSpec, nodesOf, planOf } from '../../fixtures/cluster.ts';

const mount = {
  hostPath: '/srv',
  containerPath: '/srv',
  readOnly: false,
  propagation: 'None' as const,
};

/** The rollout from one spec to another one. */
function rolloutOf(before: Partial<ClusterSpec>, after: Partial<ClusterSpec>, options?: RolloutOptions) {
  const old = planOf({ spec: before });
  const plan = planOf({ spec: after, previous: old });
  return planRollout(diffPlans(old, plan), plan, clusterSpec(after), options);
}

const nodes = nodesOf('control-plane', 'control-plane', 'control-plane', 'worker', 'worker', 'worker');
const mounted = nodes.map((node) => ({ ...node, extraMounts: [mount] }));

describe('the order of a change', () => {
  it('is control planes one by one, then workers, with their pods evicted before', () => {
    const { waves, quiet, leaving, joining } = rolloutOf({ nodes }, { nodes: mounted });
    expect(waves.map((wave) => wave.map(({ machine }) => machine))).toEqual([
      ['knest-control-plane'],
      ['knest-control-plane2'],
      ['knest-control-plane3'],
      ['knest-worker'],
      ['knest-worker2'],
      ['knest-worker3'],
    ]);
    expect(waves.flat().every(({ drain, reboot }) => drain && reboot)).toBe(true);
    expect(waves[0]?.[0]?.why).toBe('bind /srv at /srv comes');
    expect([quiet, leaving, joining]).toEqual([[], [], []]);
  });

  it('takes as many workers at once as may be away', () => {
    const { waves } = rolloutOf({ nodes }, { nodes: mounted }, { maxUnavailable: 2 });
    expect(waves.map(({ length }) => length)).toEqual([1, 1, 1, 2, 1]);
  });

  it('evicts no pods where no other node takes them', () => {
    const single = nodesOf('control-plane');
    const alone = rolloutOf(
      { nodes: single },
      { nodes: single.map((node) => ({ ...node, extraMounts: [mount] })) },
    );
    expect(alone.waves.flat()).toMatchObject([{ reboot: true, drain: false }]);
    const pair = nodesOf('control-plane', 'worker');
    const both = rolloutOf(
      { nodes: pair },
      { nodes: pair.map((node) => ({ ...node, extraMounts: [mount] })) },
    );
    // the control plane's can go to the worker; the worker's nowhere, as the control plane is tainted
    expect(both.waves.flat().map(({ drain }) => drain)).toEqual([true, false]);
  });

  it('leaves machines alone in which nothing starts anew', () => {
    const labelled = nodes.map((node) => ({ ...node, labels: { tier: 'front' } }));
    const { waves, quiet } = rolloutOf({ nodes }, { nodes: labelled });
    expect(waves).toEqual([]);
    expect(quiet).toEqual(nodes.map(({ name }) => name));
  });

  it('restarts units without moving pods', () => {
    const components = clusterSpec().components;
    const kubelet = { extraArgs: {}, config: { maxPods: 42 } };
    const { waves } = rolloutOf({ nodes }, { nodes, components: { ...components, kubelet } });
    expect(waves.flat()).toHaveLength(6);
    expect(waves.flat().every(({ drain, reboot }) => !drain && !reboot)).toBe(true);
    expect(waves[0]?.[0]?.restart).toEqual(['kubelet.service']);
  });

  it('lets nodes go first and others come last', () => {
    const [first, , , ...workers] = nodes;
    if (!first) throw new Error('no node');
    const fewer = [first, ...workers.slice(0, 1)];
    const { leaving } = rolloutOf({ nodes }, { nodes: fewer });
    expect(leaving.map(({ machine, drain }) => [machine, drain])).toEqual([
      ['knest-control-plane2', true],
      ['knest-control-plane3', true],
      ['knest-worker2', true],
      ['knest-worker3', true],
    ]);
    expect(rolloutOf({ nodes: fewer }, { nodes }).joining).toHaveLength(4);
  });

  it('looks after machines whose change was interrupted', () => {
    const plan = planOf({ spec: { nodes } });
    const changes = diffPlans(plan, plan);
    const worker = { name: 'knest-worker', kind: 'changed', changes: [], work: undefined };
    const difference = { ...changes, machines: [{ ...worker, work: none }] } as typeof changes;
    const interrupted = new Set(['knest-worker']);
    expect(planRollout(difference, plan, clusterSpec({ nodes }), { interrupted }).waves.flat()).toMatchObject(
      [{ machine: 'knest-worker', reboot: false, drain: false }],
    );
  });

  it('starts a machine anew for another way to lead Services, whose rules would stay', () => {
    const network = clusterSpec().network;
    const { waves } = rolloutOf({ nodes }, { nodes, network: { ...network, proxyMode: 'none' } });
    expect(waves.flat().every(({ reboot }) => reboot)).toBe(true);
  });
});

const none = {
  write: [],
  remove: [],
  stop: [],
  restart: [],
  reload: false,
  reboot: false,
  removeFromHost: [],
};
