import { describe, expect, it } from 'vitest';

import { InputError } from '../../../src/errors.ts';
import { versionProblems } from '../../../src/plan/versions/problems.ts';
import type { ClusterSpec } from '../../../src/spec/types.ts';
import {
  clusterSpec,
  componentsSpec,
  fromRelease,
  nodeSpec,
  nodesOf,
  planOf,
  sandboxFacts,
} from '../../fixtures/cluster.ts';

function problems(version: string | undefined, spec: Partial<ClusterSpec>) {
  return versionProblems(clusterSpec(spec), () => version);
}

const suite = (name: string, mirror?: string) => ({ image: { suite: name, mirror } });

describe('a kubelet that speaks CRI v1alpha2 only', () => {
  it.each(['sid', 'forky', 'testing'])('does not go with the containerd 2 of %s', (name) => {
    const [problem, ...more] = problems('v1.22.17', suite(name));
    expect(more).toEqual([]);
    expect(problem).toMatchObject({
      path: 'kubernetesVersion',
      hint: 'use --suite trixie or bookworm, or Kubernetes v1.23.0 or newer',
    });
    expect(problem?.message).toMatch(
      /^is v1\.22\.17, whose kubelet speaks CRI v1alpha2 only, and containerd 2\.\S+ of (sid|forky) does not$/,
    );
  });

  it('goes with that of trixie and bookworm, and newer ones go with all', () => {
    for (const name of ['trixie', 'bookworm']) expect(problems('v1.20.2', suite(name))).toEqual([]);
    for (const minor of [23, 26, 37]) expect(problems(`v1.${minor}.0`, suite('sid'))).toEqual([]);
  });
});

describe('a version', () => {
  it('that is older than the table is refused, once for all nodes', () => {
    expect(problems('v1.19.16', { nodes: nodesOf('control-plane', 'worker', 'worker') })).toEqual([
      {
        path: 'kubernetesVersion',
        message: 'is v1.19.16, and knest knows Kubernetes from 1.20 to 1.37',
        hint: 'use v1.20.0 or newer',
      },
    ]);
  });

  it('that is newer is not', () => {
    expect(problems('v1.99.0', {})).toEqual([]);
  });
});

describe('flags that are gone', () => {
  const spec = {
    components: componentsSpec({
      kubeApiserver: { extraArgs: { 'insecure-port': '0', v: '2' }, extraVolumes: [] },
      kubelet: { extraArgs: { 'network-plugin': 'cni' }, config: {} },
    }),
    nodes: [
      nodeSpec(),
      nodeSpec({
        name: 'knest-worker',
        role: 'worker',
        kubelet: { extraArgs: { 'pod-infra-container-image': 'pause' }, config: {} },
      }),
    ],
  };

  it('are refused with what to do instead, all at once', () => {
    expect(problems('v1.35.0', spec)).toEqual([
      expect.objectContaining({
        path: 'components.kubelet.extraArgs.network-plugin',
        message: 'is a flag that Kubernetes has until v1.23 only, and knest-worker has v1.35.0',
      }),
      expect.objectContaining({ path: 'components.kubeApiserver.extraArgs.insecure-port' }),
      {
        path: 'nodes[1].kubelet.extraArgs.pod-infra-container-image',
        message: 'is a flag that Kubernetes has until v1.34 only, and knest-worker has v1.35.0',
        hint: 'leave it out: containerd says which image it is',
      },
    ]);
  });

  it('are nobody’s business while they are there', () => {
    expect(problems('v1.23.0', spec)).toEqual([]);
  });
});

describe('planning', () => {
  it('refuses all that does not go together at once', () => {
    const podSecurity = {
      defaults: { enforce: 'baseline' },
      exemptions: { usernames: [], namespaces: [], runtimeClasses: [] },
    };
    const plan = () =>
      planOf({
        spec: { ...suite('sid'), podSecurity },
        facts: sandboxFacts(),
        kubernetes: fromRelease('v1.20.2'),
        nodes: { 'knest-control-plane': fromRelease('v1.21.0') },
      });
    expect(plan).toThrow(InputError);
    try {
      plan();
    } catch (error) {
      const paths = error instanceof InputError ? error.problems.map(({ path }) => path) : [];
      expect(paths).toEqual(['kubernetesVersion', 'podSecurity']);
    }
  });
});
