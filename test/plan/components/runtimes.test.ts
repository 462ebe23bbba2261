import { parse } from 'smol-toml';
import { describe, expect, it } from 'vitest';

import { runtimeClasses } from '../../../src/plan/components/runtimes.ts';
import { hostFacts } from '../../fixtures/host-facts.ts';
import { machineOf, planOf, sandboxFacts, textOf } from '../../fixtures/cluster.ts';

const runtimes = [
  { name: 'crun', path: '/usr/bin/crun' },
  { name: 'kata', path: '/opt/kata/bin/containerd-shim-kata-v2' },
];

function tablesOf(facts = hostFacts()) {
  const text = textOf(machineOf(planOf({ spec: { runtimes }, facts })), '/etc/containerd/config.toml');
  const { plugins } = parse(text) as unknown as {
    plugins: Record<string, { containerd: { runtimes: Record<string, object> } }>;
  };
  return plugins['io.containerd.grpc.v1.cri']?.containerd.runtimes;
}

describe('runtimes', () => {
  it('that are called as runc is have its shim, another program, and the same cgroups', () => {
    const table = (SystemdCgroup: boolean) => ({
      runtime_type: 'io.containerd.runc.v2',
      options: { SystemdCgroup, BinaryName: '/usr/bin/crun' },
    });
    expect(tablesOf()?.['crun']).toEqual(table(true));
    expect(tablesOf(sandboxFacts())?.['crun']).toEqual(table(false));
    expect(Object.keys(tablesOf() ?? {})).toEqual(['runc', 'crun', 'kata']);
  });

  it('with a shim of their own are found by its name', () => {
    expect(tablesOf()?.['kata']).toMatchObject({ runtime_type: 'io.containerd.kata.v2' });
    expect(machineOf(planOf({ spec: { runtimes } })).files).toContainEqual({
      path: '/usr/local/bin/containerd-shim-kata-v2',
      mode: 0o777,
      content: { link: '/opt/kata/bin/containerd-shim-kata-v2' },
    });
  });

  it('have a RuntimeClass each', () => {
    expect(runtimeClasses(runtimes)[1]).toEqual({
      apiVersion: 'node.k8s.io/v1',
      kind: 'RuntimeClass',
      metadata: { name: 'kata' },
      handler: 'kata',
    });
    const text = textOf(machineOf(planOf({ spec: { runtimes } })), '/etc/kubernetes/knest-objects.json');
    expect(text).toContain('"kind": "RuntimeClass"');
    expect(textOf(machineOf(planOf()), '/etc/kubernetes/knest-objects.json')).not.toContain('RuntimeClass');
  });
});
