import { describe, expect, it } from 'vitest';

import { problemInOneLine } from '../../../src/errors.ts';
import { versionWarnings } from '../../../src/plan/versions/warnings.ts';
import type { ClusterSpec, NodeRole } from '../../../src/spec/types.ts';
import { clusterSpec, networkSpec, nodeSpec } from '../../fixtures/cluster.ts';

function warnings(version: string, spec: Partial<ClusterSpec> = {}): string[] {
  return versionWarnings(clusterSpec(spec), ({ kubernetes }) => kubernetes?.version ?? version).map(
    problemInOneLine,
  );
}

/** Nodes by role and version. */
function mixed(...nodes: readonly (readonly [NodeRole, string])[]): Partial<ClusterSpec> {
  return {
    nodes: nodes.map(([role, version], index) =>
      nodeSpec({ name: `node${index}`, role, kubernetes: { version, source: 'auto' } }),
    ),
  };
}

describe('versionWarnings', () => {
  it('has nothing to say of what is usual', () => {
    for (const version of ['v1.20.2', 'v1.33.1', 'v1.36.4', 'v1.37.1']) expect(warnings(version)).toEqual([]);
    expect(warnings('v1.37.0', { image: { suite: 'forky', mirror: undefined } })).toEqual([]);
  });

  it('says that a version is newer than what it knows', () => {
    expect(warnings('v1.39.0', { image: { suite: 'forky', mirror: undefined } })).toEqual([
      'kubernetesVersion: v1.39.0 is newer than what this knest knows: nodes are made as for v1.37 (if they do not become Ready, use v1.37 or a newer knest)',
    ]);
  });

  it('announces the end of containerd 1.x', () => {
    expect(warnings('v1.38.0')).toContainEqual(
      expect.stringContaining(
        'v1.38.0 is announced to need containerd 2.0.0 or newer, and this one is 1.7.24 (of trixie)',
      ),
    );
  });

  it('says that ipvs is deprecated', () => {
    const network = networkSpec({ proxyMode: 'ipvs' });
    expect(warnings('v1.34.0', { network })).toEqual([]);
    expect(warnings('v1.35.0', { network })).toEqual([
      'network.proxyMode: ipvs is deprecated since Kubernetes v1.35, and a node has v1.35.0 (use auto or nftables)',
    ]);
  });

  it('knows how old a kubelet may be: two minor versions before 1.28, three since', () => {
    expect(warnings('', mixed(['control-plane', 'v1.27.0'], ['worker', 'v1.25.0']))).toEqual([]);
    expect(warnings('', mixed(['control-plane', 'v1.27.0'], ['worker', 'v1.24.17']))).toEqual([
      'nodes[1].kubernetesVersion: v1.24.17 is more than 2 minor versions older than v1.27.0 of a control plane (use v1.25 or newer)',
    ]);
    expect(warnings('', mixed(['control-plane', 'v1.28.0'], ['worker', 'v1.25.0']))).toEqual([]);
    expect(warnings('', mixed(['control-plane', 'v1.28.0'], ['worker', 'v1.24.0']))).toHaveLength(1);
  });

  it('warns of kubelets that are newer than an API server, and of API servers of several versions', () => {
    expect(warnings('', mixed(['control-plane', 'v1.35.0'], ['worker', 'v1.36.2']))).toEqual([
      'nodes[1].kubernetesVersion: v1.36.2 is newer than v1.35.0 of a control plane (Kubernetes supports kubelets that are as old or older)',
    ]);
    expect(warnings('', mixed(['control-plane', 'v1.35.0'], ['control-plane', 'v1.36.2']))).toEqual([
      'nodes[1].kubernetesVersion: v1.36.2 is newer than v1.35.0 of a control plane; that is meant for the time of an upgrade (use one version)',
    ]);
  });
});
