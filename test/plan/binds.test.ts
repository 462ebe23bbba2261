import { describe, expect, it } from 'vitest';

import type { HostFacts } from '../../src/facts/types.ts';
import {
  hostBinds,
  hostPathProblems,
  hostPathWarnings,
  pathsOfHost,
  stagedAt,
} from '../../src/plan/binds.ts';
import { keepOf } from '../../src/plan/keep.ts';
import type { ExtraMount, HostPathType } from '../../src/spec/types.ts';
import { machineOf, nodeSpec, planOf, textOf } from '../fixtures/cluster.ts';
import { hostFacts } from '../fixtures/host-facts.ts';

const nobody: ReadonlySet<string> = new Set();

function mount(hostPath: string, type?: HostPathType, containerPath = '/there'): ExtraMount {
  return {
    ...{ hostPath, containerPath, readOnly: false, propagation: 'None' },
    ...(type === undefined ? {} : { type }),
  };
}

function sourcesOf(changes: Parameters<typeof nodeSpec>[0], facts = hostFacts(), kept?: readonly string[]) {
  return hostBinds(nodeSpec(changes), facts, kept).map(({ source }) => source);
}

describe('devices', () => {
  const facts = hostFacts({
    devices: ['/dev/dri/card0', '/dev/dri/renderD128', '/dev/fuse', '/dev/kvm', '/dev/kvm2', '/dev/snd/seq'],
    kernelModules: false,
  });

  it.each([
    ['/dev/kvm', ['/dev/kvm']],
    ['/dev/dri/*', ['/dev/dri/card0', '/dev/dri/renderD128']],
    ['/dev/dri/card?', ['/dev/dri/card0']],
    ['/dev/snd', ['/dev/snd/seq']],
    ['/dev/*', ['/dev/fuse', '/dev/kvm', '/dev/kvm2']],
    ['/dev/nvidia0', []],
  ])('%s', (wanted, found) => {
    const bound = sourcesOf({ devices: [wanted] }, facts);
    expect(new Set(bound)).toEqual(new Set(['/dev/fuse', ...found]));
  });

  it('that are not there are left out, and told', () => {
    const spec = { nodes: [nodeSpec({ devices: ['/dev/kvm', '/dev/nvidia*'], cdi: true })] };
    expect(hostPathWarnings(spec, facts, nobody).map(({ path, message }) => `${path}: ${message}`)).toEqual([
      'nodes[0].devices[1]: this host has no /dev/nvidia*: knest-control-plane comes without it',
      'nodes[0].cdi: this host has no /etc/cdi and no /var/run/cdi: knest-control-plane comes without it',
    ]);
    expect(sourcesOf({}, hostFacts({ devices: [], kernelModules: false }))).toEqual([]);
  });

  it('that come later do not make a machine start anew', () => {
    const spec = { nodes: [nodeSpec({ devices: ['/dev/kvm'] })] };
    const without = hostFacts({ devices: ['/dev/fuse'], kernelModules: false });
    const before = planOf({ spec, facts: without });
    const after = planOf({ spec, facts: hostFacts(), previous: before });
    expect(machineOf(after).binds).toEqual(machineOf(before).binds);
    // unless that is what is wanted
    const keep = { ...keepOf(before), binds: {} };
    const fresh = planOf({ spec, facts: hostFacts(), previous: before, keep });
    expect(machineOf(fresh).binds.map(({ source }) => source)).toContain('/dev/kvm');
  });

  it('by CDI: its folders, read-only, and containerd looks there', () => {
    const hostPaths = { '/etc/cdi': 'directory', '/var/run/cdi': 'missing' } as const;
    const machine = machineOf(
      planOf({ spec: { nodes: [nodeSpec({ cdi: true })] }, facts: hostFacts({ hostPaths }) }),
    );
    expect(machine.binds).toContainEqual({ source: '/etc/cdi', target: '/etc/cdi', readOnly: true });
    expect(machine.binds.some(({ source }) => source === '/var/run/cdi')).toBe(false);
    expect(textOf(machine, '/etc/containerd/config.toml')).toContain('enable_cdi = true');
    expect(textOf(machineOf(planOf()), '/etc/containerd/config.toml')).not.toContain('cdi');
  });

  it('loop devices are there where the host has them', () => {
    const file = '/etc/tmpfiles.d/knest-loop.conf';
    expect(textOf(machineOf(planOf()), file)).toContain('\nb! /dev/loop63 0660 root disk - 7:63\n');
    const none = machineOf(planOf({ facts: hostFacts({ devices: [] }) }));
    expect(none.files.some(({ path }) => path === file)).toBe(false);
  });
});

describe('the modules of the kernel', () => {
  it('are seen, read-only, but where the user mounts something else', () => {
    expect(hostBinds(nodeSpec(), hostFacts(), undefined)).toContainEqual({
      source: '/lib/modules',
      target: '/usr/lib/modules',
      readOnly: true,
    });
    const own = { extraMounts: [mount('/srv/modules', undefined, '/lib/modules')] };
    expect(sourcesOf(own)).toEqual(['/dev/fuse', '/srv/modules']);
  });
});

describe('hostPath', () => {
  const hostPaths: HostFacts['hostPaths'] = {
    '/srv': 'directory',
    '/etc/hosts': 'file',
    '/run/x.sock': 'socket',
    '/dev/kvm': 'character device',
    '/dev/sda': 'block device',
    '/no': 'missing',
    '/dev/no': 'missing',
  };
  const problemsOf = (hostPath: string, type?: HostPathType) =>
    hostPathProblems({ nodes: [nodeSpec({ extraMounts: [mount(hostPath, type)] })] }, { hostPaths }, nobody);

  it.each([
    ['/srv', undefined],
    ['/etc/hosts', undefined],
    ['/srv', ''],
    ['/etc/hosts', ''],
    ['/no', ''],
    ['/srv', 'Directory'],
    ['/no', 'DirectoryOrCreate'],
    ['/etc/hosts', 'File'],
    ['/no', 'FileOrCreate'],
    ['/run/x.sock', 'Socket'],
    ['/dev/kvm', 'CharDevice'],
    ['/dev/sda', 'BlockDevice'],
    ['/nobody/has/looked', undefined],
  ] as const)('%s as %s', (hostPath, type) => {
    expect(problemsOf(hostPath, type)).toEqual([]);
  });

  it.each([
    ['/no', undefined, 'there is no file or directory /no on this host'],
    ['/no', 'Directory', 'there is no directory /no on this host'],
    ['/no', 'CharDevice', 'there is no character device /no on this host'],
    ['/etc/hosts', 'DirectoryOrCreate', '/etc/hosts is a file on this host, and no directory'],
    ['/srv', 'File', '/srv is a directory on this host, and no file'],
    ['/dev/sda', 'CharDevice', '/dev/sda is a block device on this host, and no character device'],
  ] as const)('%s is refused as %s', (hostPath, type, message) => {
    expect(problemsOf(hostPath, type)).toMatchObject([{ path: 'nodes[0].extraMounts[0].hostPath', message }]);
  });

  it('is refused before anything else is planned, and only of new nodes', () => {
    const spec = { nodes: [nodeSpec({ extraMounts: [mount('/no')] })] };
    const facts = hostFacts({ hostPaths });
    expect(() => planOf({ spec, facts })).toThrow('the cluster cannot be made');
    const previous = planOf({ spec });
    expect(machineOf(planOf({ spec, facts, previous })).binds).toEqual(machineOf(previous).binds);
  });

  it('says what is made where nothing is', () => {
    const extraMounts = [
      mount('/a', 'DirectoryOrCreate', '/a'),
      mount('/b', 'FileOrCreate', '/b'),
      mount('/c', '', '/c'),
    ];
    const made = hostBinds(nodeSpec({ extraMounts }), hostFacts(), undefined).slice(-3);
    expect(made.map(({ make }) => make)).toEqual(['directory', 'file', 'directory']);
  });

  it('of a device in a config of kind’s: nothing is made in its place', () => {
    const spec = {
      nodes: [nodeSpec({ extraMounts: [mount('/dev/no', '', '/dev/no'), mount('/srv', '', '/srv')] })],
    };
    const machine = machineOf(planOf({ spec, facts: hostFacts({ hostPaths }) }));
    expect(machine.binds.map(({ source }) => source)).not.toContain('/dev/no');
    expect(textOf(machine, '/usr/local/lib/knest/pod-mounts')).not.toContain('/dev/no');
    expect(hostPathWarnings(spec, hostFacts({ hostPaths }), nobody)).toHaveLength(1);
  });

  it('is looked at once', () => {
    const nodes = [nodeSpec({ extraMounts: [mount('/srv'), mount('/srv', '', '/b')], cdi: true })];
    expect(pathsOfHost({ nodes })).toEqual(['/srv', '/etc/cdi', '/var/run/cdi']);
  });
});

describe('containerPath', () => {
  it('below /proc and /sys is mounted by the machine itself', () => {
    expect(stagedAt('/data', 0)).toBeUndefined();
    expect(stagedAt('/system', 0)).toBeUndefined();
    const extraMounts = [mount('/srv', undefined, '/data'), mount('/srv', undefined, '/sys/kernel/my debug')];
    const machine = machineOf(planOf({ spec: { nodes: [nodeSpec({ extraMounts })] } }));
    expect(machine.binds).toContainEqual({ source: '/srv', target: '/run/knest/mounts/1' });
    expect(textOf(machine, '/usr/local/lib/knest/pod-mounts')).toContain(
      "mountpoint -q '/sys/kernel/my debug' || asked mount --rbind /run/knest/mounts/1 '/sys/kernel/my debug'\n",
    );
  });
});
