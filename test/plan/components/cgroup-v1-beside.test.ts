import { describe, expect, it } from 'vitest';

import { fromRelease, machineOf, planOf, sandboxFacts, textOf } from '../../fixtures/cluster.ts';
import type { HostFacts } from '../../../src/facts/types.ts';
import type { ClusterSpec } from '../../../src/spec/types.ts';
import { runOf } from '../../../src/plan/managers/run-of.ts';
import { hostFacts } from '../../fixtures/host-facts.ts';

function nodeWith(suite: string, facts: HostFacts, spec: Partial<ClusterSpec> = {}) {
  const image = { suite, mirror: undefined };
  return machineOf(planOf({ spec: { image, ...spec }, facts, kubernetes: fromRelease('v1.36.0') }));
}

function execStart(machine: ReturnType<typeof nodeWith>, name: string): string {
  const text = machine.units.find((unit) => unit.name === name)?.text ?? '';
  return /^ExecStart=(.*)$/m.exec(text)?.[1] ?? '';
}

describe.each(['sid', 'forky', 'unstable'])('systemd of %s on a host with cgroup v1', (suite) => {
  const machine = nodeWith(suite, sandboxFacts());

  it('boots on cgroup v2', () => {
    expect(runOf(machine, 'direct').script).toContain('\nexport SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1\n');
  });

  it('has the controllers beside it, where containerd and the kubelet see them', () => {
    expect(machine.units.map(({ name }) => name)).toContain('knest-cgroup-v1.service');
    expect(execStart(machine, 'containerd.service')).toBe('/usr/lib/knest/on-cgroup-v1 /usr/bin/containerd');
    expect(execStart(machine, 'kubelet.service')).toMatch(
      /^\/usr\/lib\/knest\/on-cgroup-v1 \/usr\/local\/bin\/kubelet /,
    );
    expect(textOf(machine, '/etc/kubernetes/kubelet.yaml')).toContain('cgroupDriver: cgroupfs');
  });
});

it('is so with the manager "systemd", too', () => {
  const facts = hostFacts({ cgroup: sandboxFacts().cgroup, pid1: 'systemd' });
  const { files } = runOf(nodeWith('sid', facts, { manager: 'systemd' }), 'systemd');
  const dropIn = files.find(({ path }) => path.endsWith('/10-knest.conf'))?.content;
  expect(dropIn).toMatchObject({
    text: expect.stringContaining('\nEnvironment=SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1\n') as string,
  });
});

it('is so with a snapshot of the archive: older ones boot on cgroup v2 as well', () => {
  const image = { suite: 'sid', mirror: 'https://snapshot.example/debian' };
  const machine = nodeWith('sid', sandboxFacts(), { image });
  expect(execStart(machine, 'containerd.service')).toContain('on-cgroup-v1');
});

it.each([
  ['trixie on cgroup v1', nodeWith('trixie', sandboxFacts())],
  ['sid on cgroup v2', nodeWith('sid', hostFacts())],
])('%s is started as it is', (_, machine) => {
  expect(JSON.stringify(machine)).not.toContain('cgroup-v1');
  expect(JSON.stringify(machine)).not.toContain('UNIFIED_HIERARCHY');
});
