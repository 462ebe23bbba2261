/** --image, for scripts that were written for kind: an image of nodes stands for a version of Kubernetes. */

import { describe, expect, it } from 'vitest';

import { InputError } from '../../src/errors.ts';
import { loadSpec } from '../../src/spec/load.ts';
import type { SpecFlags } from '../../src/spec/load.ts';

function problemsOf(flags: SpecFlags): string[] {
  try {
    loadSpec({ flags });
  } catch (error) {
    if (error instanceof InputError) return error.problems.map(({ path, message }) => `${path}: ${message}`);
    throw error;
  }
  return [];
}

describe('--image', () => {
  it.each([
    ['kindest/node:v1.30.0', 'v1.30.0'],
    [`kindest/node:v1.30.0@sha256:${'0'.repeat(64)}`, 'v1.30.0'],
    ['registry.example:5000/mirror/kindest/node:v1.31.0-rc.1', 'v1.31.0-rc.1'],
    ['node:1.29.4', 'v1.29.4'],
  ])('%s stands for %s, and that is told', (nodeImage, version) => {
    const { spec, warnings } = loadSpec({ flags: { nodeImage } });
    expect(spec.kubernetes.version).toBe(version);
    expect(warnings).toEqual([
      { path: '--image', message: expect.stringContaining('the image itself is not used') as unknown },
    ]);
  });

  it.each(['kindest/node:latest', 'registry.example:5000/node', `node@sha256:${'0'.repeat(64)}`])(
    '%s says no version: refused, unless something else says it',
    (nodeImage) => {
      expect(problemsOf({ nodeImage })).toEqual([
        expect.stringMatching(/^--image: .*says no Kubernetes version/),
      ]);
      expect(loadSpec({ flags: { nodeImage, kubernetesVersion: '1.30.1' } }).spec.kubernetes.version).toBe(
        'v1.30.1',
      );
      expect(problemsOf({ nodeImage, source: '/build' })).toEqual([]);
    },
  );

  it('must not contradict --kubernetes-version', () => {
    const nodeImage = 'kindest/node:v1.30.0';
    expect(problemsOf({ nodeImage, kubernetesVersion: '1.30.0' })).toEqual([]);
    expect(problemsOf({ nodeImage, kubernetesVersion: 'v1.31.0' })).toEqual([
      expect.stringMatching(/^--image: .*v1\.30\.0.*v1\.31\.0/),
    ]);
  });

  it('is that of every node, whatever a config file of kind says of single ones', () => {
    const text = [
      'kind: Cluster',
      'apiVersion: kind.x-k8s.io/v1alpha4',
      'nodes: [{ image: "kindest/node:v1.29.0" }, { role: worker, image: "kindest/node:v1.28.0" }]',
    ].join('\n');
    const config = { text, name: 'kind.yaml' };
    const { spec } = loadSpec({ config, flags: { nodeImage: 'kindest/node:v1.30.0' } });
    expect(spec.kubernetes.version).toBe('v1.30.0');
    expect(spec.nodes.map(({ kubernetes }) => kubernetes)).toEqual([undefined, undefined]);
    expect(loadSpec({ config, flags: {} }).spec.nodes[1]?.kubernetes?.version).toBe('v1.28.0');
  });
});
