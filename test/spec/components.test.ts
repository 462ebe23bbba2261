import { describe, expect, it } from 'vitest';

import { InputError } from '../../src/errors.ts';
import { loadSpec } from '../../src/spec/load.ts';
import type { SpecFlags } from '../../src/spec/load.ts';

function load(fields: object, flags: SpecFlags = {}) {
  const text = JSON.stringify({ apiVersion: 'knest.dev/v1alpha1', kind: 'Cluster', ...fields });
  return loadSpec({ config: { text, name: 'cluster.json' }, flags }).spec.components;
}

function problemsOf(fields: object, flags: SpecFlags = {}): string[] {
  try {
    load(fields, flags);
  } catch (error) {
    if (error instanceof InputError) return error.problems.map(({ path, message }) => `${path}: ${message}`);
    throw error;
  }
  return [];
}

describe('where components come from', () => {
  it('is not said where nobody says it', () => {
    const components = load({ components: { etcd: { extraArgs: { v: '2' } } } });
    expect(components).not.toHaveProperty('sources');
    expect(components).not.toHaveProperty('mirror');
  });

  it('is a source, a version, or both', () => {
    const components = load({
      componentMirror: 'https://mirror.example/github/',
      components: {
        containerd: { source: 'release', version: 'v2.3.4' },
        runc: { version: '1.4.3' },
        cniPlugins: { source: '/opt/cni' },
        etcd: { source: 'suite' },
      },
    });
    expect(components.mirror).toBe('https://mirror.example/github');
    expect(components.sources).toEqual({
      containerd: { source: 'release', version: '2.3.4' },
      runc: { source: 'auto', version: '1.4.3' },
      cniPlugins: { source: { directory: '/opt/cni' }, version: undefined },
      etcd: { source: 'suite', version: undefined },
    });
  });

  it('is refused with all that is wrong', () => {
    const components = {
      containerd: { source: 'releases' },
      runc: { version: '1.4' },
      cniPlugins: { sauce: 'suite' },
      etcd: { source: 'suite', version: '3.6.1' },
    };
    expect(problemsOf({ componentMirror: 'mirror.example', components })).toEqual([
      'componentMirror: "mirror.example" is not an http or https URL',
      'components.containerd.source: "releases" must be auto, suite, release or the absolute path of a directory of binaries; did you mean "release"?',
      'components.runc.version: "1.4" is not a version like 2.3.4',
      'components.cniPlugins.sauce: unknown key',
      'components.etcd.version: is of a release, and the source is the suite, which has a version of its own',
    ]);
  });
});

describe('flags', () => {
  it('say where one comes from, or which release it is', () => {
    const flags = { containerd: '2.3.4', runc: 'release', cniPlugins: '/opt/cni', etcd: 'v3.6.14' };
    expect(load({}, { ...flags, componentMirror: 'http://127.0.0.1:8080/' })).toMatchObject({
      mirror: 'http://127.0.0.1:8080',
      sources: {
        containerd: { source: 'auto', version: '2.3.4' },
        runc: { source: 'release', version: undefined },
        cniPlugins: { source: { directory: '/opt/cni' } },
        etcd: { source: 'auto', version: '3.6.14' },
      },
    });
  });

  it('leave the rest of the file as it is', () => {
    const patch = 'oom_score = -999';
    const file = {
      components: {
        containerd: { configPatches: [patch], source: 'release' },
        etcd: { extraArgs: { v: '2' } },
      },
    };
    expect(load(file, { containerd: '2.3.4' })).toMatchObject({
      containerd: { configPatches: [{ oom_score: -999 }] },
      etcd: { extraArgs: { v: '2' } },
      sources: { containerd: { source: 'release', version: '2.3.4' } },
    });
  });

  it('are called as the user wrote them', () => {
    expect(problemsOf({}, { cniPlugins: 'somewhere', componentMirror: 'x' })).toEqual([
      '--component-mirror (or KNEST_COMPONENT_MIRROR): "x" is not an http or https URL',
      '--cni-plugins: "somewhere" must be auto, suite, release or the absolute path of a directory of binaries',
    ]);
    expect(problemsOf({ components: { etcd: { source: 'suite' } } }, { etcd: '3.6.1' })).toEqual([
      '--etcd: is of a release, and the source is the suite, which has a version of its own',
    ]);
  });
});
