import { describe, expect, it } from 'vitest';

import { InputError } from '../../src/errors.ts';
import { runOf } from '../../src/plan/managers/run-of.ts';
import { loadSpec } from '../../src/spec/load.ts';
import { clusterSpec, machineOf, nodeSpec, planOf, sandboxFacts, textOf } from '../fixtures/cluster.ts';

const headers = {
  knest: 'apiVersion: knest.dev/v1alpha1\nkind: Cluster\n',
  kind: 'apiVersion: kind.x-k8s.io/v1alpha4\nkind: Cluster\n',
};

function load(format: keyof typeof headers, hostPath: string) {
  const mount = `{ hostPath: "${hostPath}", containerPath: "/data/my files" }`;
  const text = `${headers[format]}nodes: [{ role: control-plane, extraMounts: [${mount}] }]\n`;
  return loadSpec({ config: { text, name: 'lab.yaml', directory: '/home/me' }, flags: {} }).spec;
}

describe('hostPath', () => {
  it.each(['knest', 'kind'] as const)('with a ~ is refused by its path, as %s has it', (format) => {
    for (const hostPath of ['~/x', '~', '~me/x']) {
      let failure: unknown;
      try {
        load(format, hostPath);
      } catch (error) {
        failure = error;
      }
      expect(failure).toBeInstanceOf(InputError);
      const [problem] = (failure as InputError).problems;
      expect(problem?.path).toBe('nodes[0].extraMounts[0].hostPath');
      expect(problem?.message).toContain('write the whole path');
    }
  });

  it('of kind’s is relative to where the user is', () => {
    expect(load('kind', './my files').nodes[0]?.extraMounts[0]?.hostPath).toBe('/home/me/my files');
  });
});

describe('containerPath', () => {
  const mounted = (containerPath: string) =>
    loadSpec({
      config: {
        text: `${headers.kind}nodes: [{ extraMounts: [{ hostPath: /srv, containerPath: ${containerPath} }] }]\n`,
        name: 'lab.yaml',
      },
      flags: {},
    });

  it.each(['/etc/kubernetes', '/etc/kubernetes/pki', '/etc/kubernetes/pki/', '/etc'])(
    'does not hide the certificates of the cluster: %s',
    (path) => {
      expect(() => mounted(path)).toThrow(InputError);
    },
  );

  it.each(['/etc/kubernetes/pki/sa.key', '/etc/kubernetes/manifests', '/etc/kubernetes/policies'])(
    'may be beside them: %s',
    (path) => {
      expect(mounted(path).spec.nodes[0]?.extraMounts).toHaveLength(1);
    },
  );
});

describe('a path with a blank', () => {
  const extraMounts = [
    { hostPath: '/srv/my files', containerPath: '/data/my files', readOnly: false, propagation: 'None' },
  ] as const;
  const spec = clusterSpec({ nodes: [nodeSpec({ extraMounts })] });

  it('is one word of the script that mounts', () => {
    const text = textOf(machineOf(planOf({ spec })), '/usr/local/lib/knest/pod-mounts');
    expect(text).toContain("asked mount --make-rprivate '/data/my files'\n");
  });

  it('is one word of the command that starts the machine', () => {
    const { argv } = runOf(machineOf(planOf({ spec, facts: sandboxFacts() })), 'direct');
    expect(argv).toContain('--bind=/srv/my files:/data/my files');
  });

  it('is a part of the setting of systemd-nspawn, where only colons part', () => {
    const facts = sandboxFacts({ pid1: 'systemd', systemdVersion: 257 });
    const { run } = machineOf(planOf({ spec, facts }));
    const texts =
      run.manager === 'systemd' ? run.files.map(({ content }) => 'text' in content && content.text) : [];
    expect(texts.join('')).toContain('\nBind=/srv/my files:/data/my files\n');
  });
});
