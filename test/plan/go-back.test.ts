import { describe, expect, it } from 'vitest';

import { membersProblem, onlyWorkers, whyDataGoesBack, workersToGoBack } from '../../src/plan/go-back.ts';
import { keepInStep, specAfter } from '../../src/plan/upgrade.ts';
import { clusterSpec, fromRelease, nodesOf, planOf } from '../fixtures/cluster.ts';

const nodes = nodesOf('control-plane', 'worker', 'worker');
const [plane = '', worker = '', other = ''] = nodes.map(({ name }) => name);
const spec = clusterSpec({ manager: 'direct', nodes });

function planFor(version: string, suite = 'trixie', nodesOfIt = nodes) {
  const image = { suite, mirror: undefined };
  return planOf({ spec: { ...spec, image, nodes: nodesOfIt }, kubernetes: fromRelease(version) });
}

describe('etcd’s data', () => {
  it.each([
    ['stays for a patch', planFor('v1.33.4'), planFor('v1.33.1'), undefined],
    ['stays where nothing goes back', planFor('v1.33.1'), planFor('v1.34.1'), undefined],
    [
      'goes back with a line of Kubernetes',
      planFor('v1.34.1'),
      planFor('v1.33.1'),
      'Kubernetes v1.33.1 may not understand objects that v1.34.1 has written',
    ],
    [
      'goes back with a line of etcd',
      planFor('v1.33.1'),
      planFor('v1.33.1', 'bookworm'),
      'etcd 3.4.23 does not read what etcd 3.5.16 has written',
    ],
  ])('%s', (_, present, target, why) => {
    expect(whyDataGoesBack(present.machines, target)).toBe(why);
  });

  it('goes back when only one control plane was on its way', () => {
    const [old, fresh] = [planFor('v1.33.1'), planFor('v1.34.1')];
    expect(whyDataGoesBack([...old.machines, ...fresh.machines], old)).toContain('v1.34.1 has written');
  });

  it('fits the control planes that it was of', () => {
    const three = nodesOf('control-plane', 'control-plane', 'control-plane');
    expect(membersProblem(planFor('v1.34.1'), planFor('v1.33.1'))).toBeUndefined();
    expect(membersProblem(planFor('v1.34.1', 'trixie', three), planFor('v1.33.1'))).toContain(
      'its control planes were knest-control-plane (',
    );
  });
});

describe('workers', () => {
  const before = planFor('v1.33.1');
  const to = { resolved: fromRelease('v1.34.1'), source: 'release' as const };
  const step = { nodes: [plane, worker, other], kubernetes: to };
  const upgraded = specAfter(spec, before, step);
  const keep = keepInStep(before, upgraded, step);
  const after = planOf({ spec: upgraded, kubernetes: to.resolved, previous: before, keep });

  it('go back before control planes do', () => {
    expect(workersToGoBack(after, before)).toEqual([worker, other]);
    expect(workersToGoBack(before, before)).toEqual([]);
    const between = onlyWorkers({ spec: upgraded, plan: after }, { spec, plan: before }, [worker]);
    expect(between.spec.nodes.map(({ kubernetes }) => kubernetes?.version)).toEqual([
      'v1.34.1',
      'v1.33.1',
      'v1.34.1',
    ]);
    const { cluster = fromRelease('v0.0.0'), nodes: own = {} } = between.keep.kubernetes ?? {};
    const plan = planOf({
      spec: between.spec,
      kubernetes: cluster,
      nodes: own,
      previous: after,
      keep: between.keep,
    });
    expect(plan.machines.map(({ kubernetesVersion }) => kubernetesVersion)).toEqual([
      'v1.34.1',
      'v1.33.1',
      'v1.34.1',
    ]);
    expect(plan.machines[1]?.layers).toEqual(before.machines[1]?.layers);
    expect(plan.machines[0]?.layers).toEqual(after.machines[0]?.layers);
  });
});
