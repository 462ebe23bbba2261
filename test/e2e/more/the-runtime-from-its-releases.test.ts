/**
 * containerd, runc, the CNI plugins and etcd from a server with the layout of GitHub's releases, over nodes whose Debian has
 * others: here those of an older Debian, so that nothing has to be downloaded. containerd 2 runs where the tests are given one:
 *
 *     KNEST_E2E_CONTAINERD=DIR KNEST_E2E_KUBERNETES=DIR  (folders of binaries; Kubernetes 1.26 or newer)
 */

import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, describe, expect, it } from 'vitest';

import { componentLayouts } from '../../../src/artifacts/components/layouts.ts';
import { exitCodes } from '../../../src/errors.ts';
import { knownSuite } from '../../../src/plan/versions/suites.ts';
import { kubernetesBinaries } from '../../../src/artifacts/sources/binaries.ts';
import type { ComponentName } from '../../../src/spec/types.ts';
import { componentFixture } from '../../artifacts/component-server.ts';
import type { ComponentFixtureOptions } from '../../artifacts/component-server.ts';
import type { ReleaseFixture } from '../../artifacts/release-server.ts';
import { busyboxArchive } from '../support/busybox.ts';
import { knest, succeeded } from '../support/cli.ts';
import type { RunOptions } from '../support/cli.ts';
import { pod } from '../support/manifests.ts';
import { privateCache } from '../support/private-cache.ts';
import { describeScenario } from '../support/scenario.ts';
import type { Scenario } from '../support/scenario.ts';

const name = 'e2e-runtime';
const node = `${name}-control-plane`;
const older = knownSuite('bookworm');
const versions = {
  containerd: older?.containerd ?? '',
  runc: older?.runc ?? '',
  cniPlugins: older?.cniPlugins ?? '',
  etcd: older?.etcd ?? '',
};
const asked = [
  ...['--containerd', versions.containerd, '--runc', versions.runc],
  ...['--cni-plugins', versions.cniPlugins, '--etcd', versions.etcd],
];

/** A server that has the programs of the older Debian as releases. */
async function serverOfOlderDebian(options: ComponentFixtureOptions = {}): Promise<ReleaseFixture> {
  const args = ['build', 'image', '--suite', 'bookworm', '--yes', '-o', 'json'];
  const built = JSON.parse(succeeded(args, await knest(args, { timeout: 60 * 60_000 })).stdout) as {
    layers: { kind: string; path: string }[];
  };
  const root = built.layers.find(({ kind }) => kind === 'rootfs')?.path ?? '';
  const content = (component: ComponentName, program: string): Buffer | undefined => {
    const { programs, perhaps } = componentLayouts[component];
    const path = `${root}${{ ...programs, ...perhaps }[program] ?? ''}`;
    return existsSync(path) ? readFileSync(path) : undefined;
  };
  return componentFixture({ versions, content, ...options });
}

describeScenario('the runtime from its releases', { story: true }, (scenario) => {
  let server: ReleaseFixture | undefined;
  afterAll(() => server?.close());
  let cache: Promise<Record<string, string>> | undefined;
  const ownCache = () => (cache ??= privateCache(scenario));
  // its kubectl is in the cache, too
  const kubectl = async (args: readonly string[], options: RunOptions = {}) =>
    scenario.kubectl(name, args, { ...options, env: await ownCache() });
  const create = async (mirror: string, ...more: readonly string[]) => {
    const source = join(scenario.layers.kubernetes, 'usr/local/bin');
    const args = [
      'create',
      'cluster',
      '--name',
      name,
      '--source',
      source,
      '--component-mirror',
      mirror,
      ...more,
    ];
    return scenario.knest(args, { env: await ownCache(), timeout: 30 * 60_000 });
  };
  const inNode = (...argv: readonly string[]) => scenario.ok(['exec', node, '--', ...argv]);

  it('refuses a release with a wrong checksum, and leaves nothing', async () => {
    const bad = await componentFixture({ versions, wrongChecksum: ['containerd'] });
    try {
      const { exitCode, stderr } = await create(bad.baseUrl, '--containerd', versions.containerd);
      expect(stderr).toMatch(/containerd-.*-linux-amd64\.tar\.gz has a wrong checksum; the file was removed/);
      expect(stderr).toContain('--component-mirror URL');
      expect(exitCode).toBe(exitCodes.failed);
    } finally {
      await bad.close();
    }
    await scenario.expectCleanHost();
  });

  it('names a release that is not there', async () => {
    const empty = await componentFixture();
    try {
      const { exitCode, stderr } = await create(empty.baseUrl, ...asked);
      expect(stderr).toContain(`has no containerd ${versions.containerd}`);
      expect(exitCode).toBe(exitCodes.usage);
    } finally {
      await empty.close();
    }
  });

  it('says before anything is made what a newer Kubernetes needs', async () => {
    const folder = join(scenario.folder, 'newer');
    await mkdir(folder);
    for (const binary of kubernetesBinaries) {
      await writeFile(join(folder, binary), '#!/bin/sh\necho Kubernetes v1.38.0\n');
      await chmod(join(folder, binary), 0o755);
    }
    const args = [
      'create',
      'cluster',
      '--name',
      name,
      '--source',
      folder,
      '--component-mirror',
      'http://127.0.0.1:1',
    ];
    const { exitCode, stderr } = await scenario.knest(args, { env: await ownCache() });
    expect(stderr).toContain(
      'components.containerd.source: Kubernetes v1.38.0 is announced to need containerd 2',
    );
    expect(stderr).toContain('--component-mirror URL');
    expect(exitCode).toBe(exitCodes.usage);
    await scenario.expectCleanHost();
  });

  it('downloads them, goes on where a connection broke, and makes a Ready node', async () => {
    server = await serverOfOlderDebian();
    const archive = componentLayouts.containerd.file(versions.containerd, 'amd64');
    server.faults.push({ binary: archive, kind: 'truncate', times: 1 });
    const { exitCode, stderr } = await create(server.baseUrl, ...asked);
    expect(exitCode, stderr).toBe(0);
    expect(stderr).toMatch(
      new RegExp(`^containerd ${versions.containerd}: 127\\.0\\.0\\.1:\\d+: asked for$`, 'm'),
    );
    expect(server.requests).toContainEqual(expect.stringMatching(/tar\.gz bytes=[1-9]\d*-$/));
    const runtime = '{.items[0].status.nodeInfo.containerRuntimeVersion}';
    expect(await kubectl(['get', 'nodes', '-o', `jsonpath=${runtime}`])).toMatch(
      new RegExp(`^containerd://${versions.containerd.replaceAll('.', '\\.')}`),
    );
    await server.close();
  });

  it('has them where Debian has its own', async () => {
    expect(await inNode('/usr/bin/containerd', '--version')).toContain(versions.containerd);
    expect(await inNode('/usr/bin/runc', '--version')).toContain(versions.runc);
    expect(await inNode('/usr/bin/etcd', '--version')).toContain(versions.etcd);
    expect(await inNode('systemctl', '--failed', '--no-legend', '--plain')).toBe('');
    const wide = await scenario.ok(['get', 'nodes', '--name', name, '-o', 'wide']);
    expect(wide).toContain(`containerd://${versions.containerd}`);
  });

  it('runs a pod', async () => {
    await scenario.ok(['load', 'image-archive', await busyboxArchive(), '--name', name]);
    const input = JSON.stringify(pod('greeter', 'echo hello; exec sleep 1000000'));
    await kubectl(['apply', '-f', '-'], { input });
    await kubectl(['wait', '--for=condition=Ready', 'pod/greeter', '--timeout=60s']);
    expect(await kubectl(['logs', 'greeter'])).toBe('hello');
  });

  it('gives a node that comes the same, without a server', async () => {
    const env = await ownCache();
    await scenario.ok(['add', 'node', '--name', name], { env, timeout: 30 * 60_000 });
    expect(await scenario.ok(['exec', `${name}-worker`, '--', 'containerd', '--version'])).toContain(
      versions.containerd,
    );
  });

  it('finds them in the cache, which knows what they are', async () => {
    const env = await ownCache();
    const source = join(scenario.layers.kubernetes, 'usr/local/bin');
    const plan = await scenario.ok(
      ['plan', 'cluster', '--name', 'other', '--source', source, '--containerd', versions.containerd],
      { env },
    );
    expect(plan).toMatch(/^containerd +\S+ \(in the cache since \d{4}-\d\d-\d\d: asked for\)$/m);
    const cache = await scenario.ok(['cache', 'list'], { env });
    expect(cache).toMatch(new RegExp(`^containerd-\\S+ +component +${versions.containerd} .* ${name}`, 'm'));
  });

  it('goes without a trace', async () => {
    await scenario.ok(['delete', 'cluster', '--name', name], { env: await ownCache() });
    await scenario.expectCleanHost();
  });
});

const given = {
  containerd: process.env['KNEST_E2E_CONTAINERD'],
  kubernetes: process.env['KNEST_E2E_KUBERNETES'],
};
const lacks = Object.entries(given).flatMap(([what, folder]) =>
  folder === undefined ? [`KNEST_E2E_${what.toUpperCase()}`] : [],
);
if (lacks.length > 0)
  console.warn(`SKIPPED: "containerd 2" needs ${lacks.join(' and ')}: folders of binaries`);

describe.skipIf(lacks.length > 0)('containerd 2', () => {
  describeScenario('containerd 2 of a folder', { story: true }, (scenario: Scenario) => {
    const source = given.kubernetes?.split(':')[0] ?? '';

    it('makes a Ready node, whose kubelet asks it for the cgroup driver', async () => {
      const config = {
        apiVersion: 'knest.dev/v1alpha1',
        kind: 'Cluster',
        components: {
          containerd: {
            source: given.containerd,
            // for containerd 1: it is brought to the new place
            configPatches: [
              'version = 2\n[plugins."io.containerd.grpc.v1.cri"]\nmax_concurrent_downloads = 7',
            ],
          },
        },
      };
      const file = join(scenario.folder, 'cluster.json');
      await writeFile(file, JSON.stringify(config));
      // runc stays that of the suite: nobody listens there
      const args = ['--source', source, '--config', file, '--component-mirror', 'http://127.0.0.1:1'];
      await scenario.ok(['create', 'cluster', '--name', name, ...args], { timeout: 30 * 60_000 });
      const runtime = '{.items[0].status.nodeInfo.containerRuntimeVersion}';
      expect(await scenario.kubectl(name, ['get', 'nodes', '-o', `jsonpath=${runtime}`])).toMatch(
        /^containerd:\/\/v?2\./,
      );
      const journal = ['journalctl', '--no-pager', '--unit', 'kubelet'];
      expect(await scenario.ok(['exec', node, '--', ...journal])).not.toContain(
        'RuntimeConfig from runtime service failed',
      );
    });

    it('reads all of its file', async () => {
      const dump = await scenario.ok(['exec', node, '--', 'containerd', 'config', 'dump']);
      expect(dump).toMatch(/max_concurrent_downloads = 7/);
      expect(dump).toMatch(/sandbox = .knest\.local\/pause:1/);
      const log = await scenario.ok(['exec', node, '--', 'journalctl', '--no-pager', '--unit', 'containerd']);
      expect(log).not.toMatch(/migrated from version|DEPRECATION|is deprecated|Ignoring unknown key/);
    });

    it('runs a pod', async () => {
      await scenario.ok(['load', 'image-archive', await busyboxArchive(), '--name', name]);
      const input = JSON.stringify(pod('greeter', 'echo hello; exec sleep 1000000'));
      await scenario.kubectl(name, ['apply', '-f', '-'], { input });
      await scenario.kubectl(name, ['wait', '--for=condition=Ready', 'pod/greeter', '--timeout=60s']);
      expect(await scenario.kubectl(name, ['logs', 'greeter'])).toBe('hello');
    });

    it('goes without a trace', async () => {
      await scenario.ok(['delete', 'cluster', '--name', name]);
      await scenario.expectCleanHost();
    });
  });
});
