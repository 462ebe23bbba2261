/** Kubernetes from a server with dl.k8s.io's layout, or from a folder of binaries; and servers that are of no use. */

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { expect, it } from 'vitest';

import { exitCodes } from '../../../src/errors.ts';
import { releaseFixture } from '../../artifacts/release-server.ts';
import type { Outcome } from '../support/cli.ts';
import { privateCache } from '../support/private-cache.ts';
import { describeScenario } from '../support/scenario.ts';

const version = 'v1.20.2';
const name = 'e2e-release';
const create = ['create', 'cluster', '--name', name];

describeScenario('Kubernetes from a release server', { story: false }, (scenario) => {
  const fromServer = async (baseUrl: string, wanted: string): Promise<Outcome> =>
    scenario.knest(
      [...create, '--source', 'release', '--release-mirror', baseUrl, '--kubernetes-version', wanted],
      { env: await privateCache(scenario) },
    );

  it('downloads it, goes on where a connection broke, and makes a cluster of it', async () => {
    const binary = await readFile(join(scenario.layers.kubernetes, 'usr/local/bin/kubelet'));
    const server = await releaseFixture({ version, content: () => binary });
    try {
      server.faults.push({ binary: 'kube-proxy', kind: 'truncate', times: 1 });
      const { exitCode, stderr } = await fromServer(server.baseUrl, version);
      expect(stderr).toMatch(/^Kubernetes v1\.20\.2: 127\.0\.0\.1:\d+: asked for$/m);
      expect(exitCode, stderr).toBe(0);
      expect(server.requests).toContainEqual(expect.stringMatching(/kube-proxy bytes=[1-9]\d*-$/));
      expect(server.requests.filter((request) => request.endsWith('/kubelet'))).toHaveLength(1);
    } finally {
      await server.close();
    }
    const env = await privateCache(scenario);
    expect(await scenario.kubectl(name, ['get', 'nodes', '--no-headers'], { env })).toMatch(
      / Ready .* v1\.20\.2$/,
    );
    await scenario.ok(['delete', 'cluster', '--name', name]);
    await scenario.expectCleanHost();
  });

  it('does not ask the server for what it has', async () => {
    // nobody listens there any more
    const args = ['plan', 'cluster', '--name', name, '--kubernetes-version', version];
    const plan = await scenario.ok(args, { env: await privateCache(scenario) });
    expect(plan).toMatch(/Kubernetes +v1\.20\.2 \(in the cache since .* \(source release\)\)/);
  });

  it('takes the binaries of a folder', async () => {
    const folder = join(scenario.layers.kubernetes, 'usr/local/bin');
    const env = await privateCache(scenario);
    const { exitCode, stderr } = await scenario.knest([...create, '--source', folder], { env });
    expect(stderr).toContain(`Kubernetes ${version}: the binaries in ${folder}`);
    expect(exitCode, stderr).toBe(0);
    await scenario.ok(['delete', 'cluster', '--name', name]);
    await scenario.expectCleanHost();
  });

  it('refuses a binary with a wrong checksum', async () => {
    const server = await releaseFixture({ version: 'v1.31.0', wrongChecksum: ['kubectl'] });
    try {
      const { exitCode, stderr } = await fromServer(server.baseUrl, 'v1.31.0');
      expect(stderr).toContain(
        `${server.baseUrl}/release/v1.31.0/bin/linux/amd64/kubectl has a wrong checksum`,
      );
      expect(stderr).toContain('--release-mirror URL');
      expect(exitCode).toBe(exitCodes.failed);
    } finally {
      await server.close();
    }
    await expectNothingOf('v1.31.0');
  });

  it('says that a version is not there', async () => {
    const server = await releaseFixture({ version: 'v1.31.0' });
    try {
      const { exitCode, stderr } = await fromServer(server.baseUrl, 'v1.31.99');
      expect(stderr).toContain(`--kubernetes-version: ${server.baseUrl} has no Kubernetes v1.31.99`);
      expect(exitCode).toBe(exitCodes.usage);
    } finally {
      await server.close();
    }
    await expectNothingOf('v1.31.99');
  });

  it('says which binaries a server lacks', async () => {
    const server = await releaseFixture({ version: 'v1.31.0', missing: ['kube-proxy'] });
    try {
      const { exitCode, stderr } = await fromServer(server.baseUrl, 'v1.31.0');
      expect(stderr).toContain('has no kube-proxy of v1.31.0 for amd64');
      expect(exitCode).toBe(exitCodes.usage);
    } finally {
      await server.close();
    }
    await expectNothingOf('v1.31.0');
  });

  it('says that a server does not answer', async () => {
    const server = await releaseFixture();
    await server.close();
    const { exitCode, stderr } = await fromServer(server.baseUrl, 'v1.31.0');
    expect(stderr).toMatch(/127\.0\.0\.1:\d+ does not answer \(.*ECONNREFUSED/);
    expect(exitCode).toBe(exitCodes.failed);
    await expectNothingOf('v1.31.0');
  });

  /** Nothing of a version that could not be had may be left, anywhere. */
  async function expectNothingOf(wanted: string): Promise<void> {
    await scenario.expectCleanHost();
    const cache = join(scenario.folder, 'cache');
    const places = await Promise.all(
      ['', 'layers', 'build'].map((folder) => readdir(join(cache, folder)).catch(() => [])),
    );
    expect(
      places.flat().filter((entry) => entry.includes(wanted) || /build|partial|lock/.test(entry)),
    ).toEqual([]);
  }
});
