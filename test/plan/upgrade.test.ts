import { describe, expect, it } from 'vitest';

import { diffPlans } from '../../src/diff/diff-plans.ts';
import { keepInStep, specAfter } from '../../src/plan/upgrade.ts';
import type { UpgradeStep } from '../../src/plan/upgrade.ts';
import type { ClusterPlan } from '../../src/plan/types.ts';
import type { ClusterSpec } from '../../src/spec/types.ts';
import { clusterSpec, fromRelease, nodesOf, planOf } from '../fixtures/cluster.ts';

const nodes = nodesOf('control-plane', 'worker', 'worker');
const [plane = '', worker = '', other = ''] = nodes.map(({ name }) => name);
const spec: ClusterSpec = clusterSpec({
  manager: 'direct',
  nodes,
  kubernetes: { ...clusterSpec().kubernetes, version: 'v1.33' },
});
const before = planOf({ spec, kubernetes: fromRelease('v1.33.1') });
const to = (version: string): NonNullable<UpgradeStep['kubernetes']> => ({
  resolved: fromRelease(version),
  source: 'release',
});

/** The spec and plan after some steps, one after the other. */
function after(...steps: readonly UpgradeStep[]): { spec: ClusterSpec; plan: ClusterPlan } {
  let [present, plan] = [spec, before];
  for (const step of steps) {
    present = specAfter(present, plan, step);
    const keep = keepInStep(plan, present, step);
    const { cluster = fromRelease('v0.0.0'), nodes: own = {} } = keep.kubernetes ?? {};
    plan = planOf({ spec: present, kubernetes: cluster, nodes: own, previous: plan, keep });
  }
  return { spec: present, plan };
}

function versionsOf({ machines }: ClusterPlan): string[] {
  return machines.map(({ kubernetesVersion }) => kubernetesVersion);
}

describe('a step of an upgrade', () => {
  it('brings all nodes to a version, and nothing else', () => {
    const { spec: wanted, plan } = after({ nodes: [plane, worker, other], kubernetes: to('v1.34.2') });
    expect(versionsOf(plan)).toEqual(['v1.34.2', 'v1.34.2', 'v1.34.2']);
    expect(plan.kubernetesVersion).toBe('v1.34.2');
    expect(wanted.kubernetes).toMatchObject({ version: 'v1.34.2', source: 'release' });
    expect(wanted.nodes.map(({ kubernetes }) => kubernetes)).toEqual([undefined, undefined, undefined]);
    const { machines, host } = diffPlans(before, plan);
    expect(host).toEqual([]);
    const changed = machines[1]?.changes ?? [];
    expect(changed.filter(({ what }) => what === 'layer').map(({ says }) => says)).toEqual([
      'layer kubernetes-v1.33.1-release-0123456789ab goes',
      'layer kubernetes-v1.34.2-release-0123456789ab comes',
    ]);
    expect(machines.flatMap(({ work }) => work.removeFromHost)).toEqual([]);
  });

  it('says of nodes that lag behind what they have', () => {
    const { spec: wanted, plan } = after({ nodes: [plane], kubernetes: to('v1.34.2') });
    expect(versionsOf(plan)).toEqual(['v1.34.2', 'v1.33.1', 'v1.33.1']);
    expect(wanted.kubernetes.version).toBe('v1.34.2');
    expect(wanted.nodes.map(({ kubernetes }) => kubernetes?.version)).toEqual([
      undefined,
      'v1.33.1',
      'v1.33.1',
    ]);
    const changed = diffPlans(before, plan).machines.filter(
      ({ work }) => work.reboot || work.restart.length > 0,
    );
    expect(changed.map(({ name }) => name)).toEqual([plane]);
  });

  it('is forgotten by nodes that have caught up', () => {
    const { spec: wanted, plan } = after(
      { nodes: [plane], kubernetes: to('v1.34.2') },
      { nodes: [plane, worker, other], kubernetes: to('v1.35.1') },
    );
    expect(versionsOf(plan)).toEqual(['v1.35.1', 'v1.35.1', 'v1.35.1']);
    expect(wanted.nodes.map(({ kubernetes }) => kubernetes)).toEqual([undefined, undefined, undefined]);
  });

  it('is for single workers as well', () => {
    const { spec: wanted, plan } = after(
      { nodes: [plane], kubernetes: to('v1.34.2') },
      { nodes: [worker], kubernetes: to('v1.34.2') },
    );
    expect(versionsOf(plan)).toEqual(['v1.34.2', 'v1.34.2', 'v1.33.1']);
    expect(wanted.kubernetes.version).toBe('v1.34.2');
  });

  it('brings another suite with its own containerd and etcd', () => {
    const { spec: wanted, plan } = after({ nodes: [plane, worker], suite: 'forky' });
    expect(wanted.image.suite).toBe('forky');
    expect(wanted.nodes.map(({ suite }) => suite)).toEqual([undefined, undefined, 'trixie']);
    expect(plan.machines.map(({ components }) => components?.containerd?.version)).toEqual([
      '2.1.9',
      '2.1.9',
      '1.7.24',
    ]);
    expect(versionsOf(plan)).toEqual(['v1.33.1', 'v1.33.1', 'v1.33.1']);
    const changed = diffPlans(before, plan).machines.filter(({ work }) => work.reboot);
    expect(changed.map(({ name }) => name)).toEqual([plane, worker]);
  });

  it('takes components that are asked for', () => {
    const components = { etcd: { source: 'release' as const, version: '3.6.14' } };
    const step = { nodes: [plane], components };
    const wanted = specAfter(spec, before, step);
    expect(wanted.components.sources).toEqual(components);
    const keep = keepInStep(before, wanted, step);
    expect(Object.keys(keep.components?.[plane] ?? {})).toEqual(['containerd', 'runc', 'cniPlugins']);
    expect(Object.keys(keep.layers ?? {})).toEqual([worker, other]);
    expect(keep.rootfs?.[plane]?.kind).toBe('rootfs');
  });

  it('chooses components anew that do not go with the version', () => {
    const old = planOf({ spec: { ...spec, image: { suite: 'bookworm', mirror: undefined } } });
    const keep = keepInStep(old, spec, { nodes: [plane], kubernetes: to('v1.38.0') });
    expect(Object.keys(keep.components?.[plane] ?? {})).toEqual(['runc', 'cniPlugins', 'etcd']);
  });
});
