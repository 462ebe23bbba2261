import { parse } from 'smol-toml';
import { describe, expect, it } from 'vitest';

import { fitPatch } from '../../../src/plan/components/containerd-patches.ts';
import { componentsOfSuite } from '../../../src/plan/node-components.ts';
import { containerdTraits } from '../../../src/plan/versions/components.ts';
import { versionWarnings } from '../../../src/plan/versions/warnings.ts';
import { problemInOneLine } from '../../../src/errors.ts';
import { containerdPatch } from '../../../src/spec/containerd-patches.ts';
import type { ClusterSpec } from '../../../src/spec/types.ts';
import {
  clusterSpec,
  componentsSpec,
  fromRelease,
  machineOf,
  planOf,
  textOf,
} from '../../fixtures/cluster.ts';

const name = 'knest-control-plane';

function componentsWith(containerd: string | undefined) {
  const ofSuite = componentsOfSuite({ suite: undefined, role: 'control-plane' }, clusterSpec().image);
  return { ...ofSuite, containerd: { version: containerd, reason: 'of a test' } };
}

function machineWith(containerd: string | undefined, spec: Partial<ClusterSpec> = {}) {
  const components = { [name]: componentsWith(containerd) };
  return machineOf(planOf({ kubernetes: fromRelease('v1.36.2'), components, spec }));
}

function configOf(containerd: string | undefined, ...patches: readonly string[]) {
  const settings = { configPatches: patches.map(containerdPatch) };
  const machine = machineWith(containerd, { components: componentsSpec({ containerd: settings }) });
  return parse(textOf(machine, '/etc/containerd/config.toml')) as Record<string, unknown>;
}

function warningsOf(containerd: string, ...patches: readonly string[]): string[] {
  const settings = { configPatches: patches.map(containerdPatch) };
  const spec = clusterSpec({ components: componentsSpec({ containerd: settings }) });
  return versionWarnings(
    spec,
    () => 'v1.36.2',
    () => componentsWith(containerd),
  ).map(problemInOneLine);
}

const images = 'io.containerd.cri.v1.images';
const runtime = 'io.containerd.cri.v1.runtime';
const cri = 'io.containerd.grpc.v1.cri';

describe('config.toml', () => {
  it.each([
    [undefined, 2],
    ['1.6.20', 2],
    ['1.7.34', 2],
    ['2.0.11', 3],
    ['2.2.7', 3],
    ['2.3.0', 4],
    ['2.4.0', 4],
  ])('of containerd %s has version %d', (version, format) => {
    expect(configOf(version)).toMatchObject({ version: format });
  });

  it.each(['1.7.34', '2.1.9', '2.3.4'])('of containerd %s says all that knest needs', (version) => {
    const { plugins } = configOf(version) as { plugins: Record<string, Record<string, unknown>> };
    const text = JSON.stringify(plugins);
    for (const value of ['knest.local/pause:1', '/etc/containerd/certs.d', '/opt/cni/bin', 'SystemdCgroup'])
      expect(text).toContain(value);
    expect(Object.keys(plugins)).toEqual(version.startsWith('1') ? [cri] : [images, runtime]);
  });

  it('of containerd 2 has its images in one plugin and its containers in the other', () => {
    expect(configOf('2.3.4')['plugins']).toEqual({
      [images]: {
        snapshotter: 'overlayfs',
        pinned_images: { sandbox: 'knest.local/pause:1' },
        registry: { config_path: '/etc/containerd/certs.d' },
      },
      [runtime]: {
        restrict_oom_score_adj: false,
        containerd: {
          default_runtime_name: 'runc',
          runtimes: { runc: { runtime_type: 'io.containerd.runc.v2', options: { SystemdCgroup: true } } },
        },
        cni: { bin_dirs: ['/opt/cni/bin'], conf_dir: '/etc/cni/net.d' },
      },
    });
  });

  it('has one folder of plugins before 2.1', () => {
    expect(configOf('2.0.11')).toMatchObject({
      plugins: { [runtime]: { cni: { bin_dir: '/opt/cni/bin' } } },
    });
  });
});

describe('a patch', () => {
  const old = `
    [plugins."${cri}"]
      sandbox_image = "registry.example/pause:3.10"
      max_concurrent_downloads = 7
      enable_unprivileged_ports = true
      stream_server_port = "10010"
      [plugins."${cri}".containerd]
        snapshotter = "native"
        [plugins."${cri}".containerd.runtimes.crun]
          runtime_type = "io.containerd.runc.v2"
          sandbox_mode = "podsandbox"
      [plugins."${cri}".cni]
        bin_dir = "/usr/libexec/cni"
      [plugins."${cri}".registry]
        config_path = "/etc/elsewhere"
    [plugins."io.containerd.gc.v1.scheduler"]
      pause_threshold = 0.5`;

  it.each(['', 'version = 2\n'])(
    'for containerd 1 (%j) is brought to the places of containerd 2',
    (version) => {
      expect(configOf('2.3.4', version + old)['plugins']).toMatchObject({
        [images]: {
          snapshotter: 'native',
          max_concurrent_downloads: 7,
          pinned_images: { sandbox: 'registry.example/pause:3.10' },
          registry: { config_path: '/etc/elsewhere' },
        },
        [runtime]: {
          enable_unprivileged_ports: true,
          containerd: {
            default_runtime_name: 'runc',
            runtimes: { runc: {}, crun: { runtime_type: 'io.containerd.runc.v2', sandboxer: 'podsandbox' } },
          },
          cni: { bin_dirs: ['/usr/libexec/cni'], conf_dir: '/etc/cni/net.d' },
        },
        [cri]: { stream_server_port: '10010' },
        'io.containerd.gc.v1.scheduler': { pause_threshold: 0.5 },
      });
      expect(JSON.stringify(configOf('2.3.4', version + old))).not.toContain('sandbox_image');
      expect(warningsOf('2.3.4', version + old)).toEqual([]);
    },
  );

  it('for containerd 1 is merged as it is where that is what the node has', () => {
    expect(configOf('1.7.24', old)['plugins']).toMatchObject({
      [cri]: { sandbox_image: 'registry.example/pause:3.10', containerd: { snapshotter: 'native' } },
    });
  });

  it.each(['version = 3', 'version = 4', ''])('for containerd 2 (%j) fits containerd 2', (version) => {
    const patch = `${version}\n[plugins."${images}"]\nmax_concurrent_downloads = 7`;
    for (const containerd of ['2.0.11', '2.1.9', '2.3.4']) {
      const config = configOf(containerd, patch);
      expect(config['plugins']).toMatchObject({
        [images]: { max_concurrent_downloads: 7, snapshotter: 'overlayfs' },
      });
      expect(config['version']).toBe(containerdTraits(containerd).format);
      expect(warningsOf(containerd, patch)).toEqual([]);
    }
  });

  it('for containerd 2 is left out of containerd 1, and that is said', () => {
    const patch = `[plugins."${runtime}"]\nenable_unprivileged_ports = true`;
    expect(configOf('1.7.24', patch)).toEqual(configOf('1.7.24'));
    expect(warningsOf('1.7.24', 'oom_score = -999', patch)).toEqual([
      'components.containerd.configPatches[1]: with containerd 1.7.24, is of version 3, and the file is of version 2: ' +
        `it is left out (write it for version 2 (plugins."${cri}"), or take a containerd 2: components.containerd.version)`,
    ]);
  });

  it('of a version that no containerd here reads is left out, and that is said', () => {
    for (const version of [1, 5]) {
      expect(configOf('2.3.4', `version = ${version}\noom_score = -999`)).not.toHaveProperty('oom_score');
      expect(warningsOf('2.3.4', `version = ${version}`)).toEqual([
        expect.stringContaining(`is of version ${version}, and the file is of version 4: it is left out`),
      ]);
    }
  });

  it('of what is the same in all versions fits all', () => {
    for (const containerd of ['1.6.20', '1.7.24', '2.1.9', '2.3.4']) {
      expect(configOf(containerd, 'oom_score = -999')).toMatchObject({ oom_score: -999 });
      expect(warningsOf(containerd, 'oom_score = -999')).toEqual([]);
    }
  });

  it('of sockets is told of where these have become plugins', () => {
    const patch = 'oom_score = -999\n[grpc]\nuid = 1000';
    expect(configOf('2.2.7', patch)).toMatchObject({ grpc: { uid: 1000 } });
    expect(configOf('2.3.4', patch)).not.toHaveProperty('grpc');
    expect(configOf('2.3.4', patch)).toMatchObject({ oom_score: -999 });
    expect(warningsOf('2.3.4', patch)).toEqual([
      'components.containerd.configPatches[0]: with containerd 2.3.4, has [grpc], which is ' +
        'plugins."io.containerd.server.v1.grpc" in version 4: it is left out',
    ]);
  });

  it('of mirrors in the old way turns knest’s own way off, also at the new place', () => {
    const patch = `[plugins."${cri}".registry.mirrors."docker.io"]\nendpoint = ["https://mirror.example"]`;
    expect(configOf('2.3.4', patch)).toMatchObject({
      plugins: { [images]: { registry: { config_path: '', mirrors: { 'docker.io': {} } } } },
    });
    const fresh = patch.replace(cri, images);
    expect(configOf('2.3.4', fresh)).toMatchObject({
      plugins: { [images]: { registry: { config_path: '' } } },
    });
  });

  it('of mirrors in the old way is told of where that is gone', () => {
    const patch = containerdPatch(`[plugins."${cri}".registry.mirrors."a.example"]\nendpoint = []`);
    expect(fitPatch(patch, containerdTraits('2.3.4')).problems).toEqual([]);
    expect(fitPatch(patch, containerdTraits('2.4.0')).problems).toEqual([
      'has registry.mirrors, which this containerd does not know any more',
    ]);
  });
});

describe('credentials', () => {
  const registries = [
    {
      host: 'registry.example',
      mirrors: ['http://mirror.example:5000', 'http://open.example'],
      ca: undefined,
      skipVerify: false,
      credentials: { username: 'alice', password: 'of the registry' },
    },
    {
      host: 'mirror.example:5000',
      mirrors: [],
      ca: undefined,
      skipVerify: false,
      credentials: { username: 'bob', password: 'of the mirror' },
    },
  ];
  const hosts = '/etc/containerd/certs.d/registry.example/hosts.toml';
  const fileOf = (version: string, path: string) =>
    machineWith(version, { registries }).files.find((file) => file.path === path);

  it.each(['2.1.0', '2.3.4', '2.4.0'])('are headers for containerd %s, in files of root’s', (version) => {
    const file = fileOf(version, hosts);
    expect(file).toMatchObject({
      mode: 0o600,
      content: {
        secrets: ['authorization for registry.example', 'authorization for mirror.example:5000'],
      },
    });
    expect(parse(textOf(machineWith(version, { registries }), hosts))).toEqual({
      server: 'https://registry.example',
      header: { Authorization: '<secret authorization for registry.example>' },
      host: {
        'http://mirror.example:5000': {
          capabilities: ['pull', 'resolve'],
          header: { Authorization: '<secret authorization for mirror.example:5000>' },
        },
        'http://open.example': { capabilities: ['pull', 'resolve'] },
      },
    });
    expect(fileOf(version, '/etc/containerd/config.toml')).toMatchObject({ mode: 0o644 });
    expect(JSON.stringify(fileOf(version, '/etc/containerd/config.toml'))).not.toContain('configs');
  });

  it.each([
    ['1.7.24', cri],
    ['2.0.11', images],
  ])('are in config.toml for containerd %s, which would not send headers for tokens', (version, plugin) => {
    expect(fileOf(version, '/etc/containerd/config.toml')).toMatchObject({ mode: 0o600 });
    const config = parse(textOf(machineWith(version, { registries }), '/etc/containerd/config.toml'));
    expect(config).toMatchObject({
      plugins: {
        [plugin]: {
          registry: {
            configs: {
              'registry.example': {
                auth: { username: 'alice', password: '<secret password of registry.example>' },
              },
            },
          },
        },
      },
    });
    expect(textOf(machineWith(version, { registries }), hosts)).not.toContain('header');
    expect(fileOf(version, hosts)).toMatchObject({ mode: 0o644 });
  });
});
