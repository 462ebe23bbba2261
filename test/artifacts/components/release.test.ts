import { mkdir, mkdtemp, readFile, readdir, readlink, rm, writeFile } from 'node:fs/promises';
import { createServer, request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { releaseChecksum, releaseLayer } from '../../../src/artifacts/components/release.ts';
import { webClient } from '../../../src/artifacts/download.ts';
import { ensureLayer } from '../../../src/artifacts/layers.ts';
import { KnestError } from '../../../src/errors.ts';
import type { ComponentLayer } from '../../../src/plan/types.ts';
import type { ComponentName } from '../../../src/spec/types.ts';
import { buildContext } from '../build-context.ts';
import { componentFixture, fakeProgram } from '../component-server.ts';
import type { ComponentFixtureOptions } from '../component-server.ts';
import type { ReleaseFixture } from '../release-server.ts';

const versions = { containerd: '2.3.4', runc: '1.4.3', cniPlugins: '1.9.1', etcd: '3.6.14' };
const archive = 'containerd-2.3.4-linux-amd64.tar.gz';
let cache: string;
let server: ReleaseFixture;

beforeEach(async () => {
  cache = await mkdtemp(join(tmpdir(), 'knest-components-'));
  server = await componentFixture({ versions });
});

afterEach(async () => {
  await server.close();
  await rm(cache, { recursive: true });
});

describe('a release', () => {
  it.each<[ComponentName, readonly string[]]>([
    [
      'containerd',
      [
        'usr/bin/containerd',
        'usr/bin/containerd-shim',
        'usr/bin/containerd-shim-runc-v1',
        'usr/bin/containerd-shim-runc-v2',
        'usr/bin/ctr',
      ],
    ],
    ['runc', ['usr/bin/runc', 'usr/sbin/runc']],
    ['etcd', ['usr/bin/etcd', 'usr/bin/etcdctl', 'usr/bin/etcdutl']],
  ])('of %s is where Debian has it, and nothing else is', async (component, files) => {
    const layer = await layerOf(component);
    await ensureLayer(layer, buildContext(cache));
    const root = `${cache}/layers/${layer.id}`;
    expect(await filesIn(root)).toEqual(files);
    const { host } = buildContext(cache);
    for (const file of files.filter((path) => path !== 'usr/bin/runc'))
      expect((await host.stat(`${root}/${file}`))?.mode).toBe(0o755);
    expect(await readdir(cache)).toEqual(['layers']);
  });

  it('of runc has its other name', async () => {
    const layer = await layerOf('runc');
    await ensureLayer(layer, buildContext(cache));
    expect(await readlink(`${cache}/layers/${layer.id}/usr/bin/runc`)).toBe('../sbin/runc');
    const { host } = buildContext(cache);
    const { stdout } = await host.run([`${cache}/layers/${layer.id}/usr/bin/runc`]);
    expect(stdout).toBe('runc version 1.4.3');
  });

  it('of the CNI plugins is all of them', async () => {
    const layer = await layerOf('cniPlugins');
    await ensureLayer(layer, buildContext(cache));
    const files = await readdir(`${cache}/layers/${layer.id}/usr/lib/cni`);
    expect(files).toContain('portmap');
    expect(files).toHaveLength(18);
  });

  it('cannot write anywhere else, whatever the names in its archive are', async () => {
    await replaceServer({
      more: { '../../../../tmp/knest-escaped': 'x', '/etc/passwd': 'x', 'bin/other': 'x' },
    });
    const layer = await layerOf('containerd');
    await ensureLayer(layer, buildContext(cache));
    expect(await filesIn(`${cache}/layers/${layer.id}`)).toHaveLength(5);
    await expect(readFile('/tmp/knest-escaped')).rejects.toThrow('ENOENT');
  });

  it('is the same layer from any mirror, and another one with other contents', async () => {
    const first = await layerOf('etcd');
    await replaceServer({});
    expect((await layerOf('etcd')).id).toBe(first.id);
    await replaceServer({ content: () => Buffer.from('other') });
    expect((await layerOf('etcd')).id).not.toBe(first.id);
    expect(first.id).toMatch(/^etcd-3\.6\.14-release-amd64-[0-9a-f]{12}$/);
    expect((await layerOf('cniPlugins')).id).toMatch(/^cni-plugins-1\.9\.1-release-amd64-/);
  });

  it('goes on where a connection broke', async () => {
    server.faults.push({ binary: archive, kind: 'truncate', times: 1 });
    await ensureLayer(await layerOf('containerd'), buildContext(cache));
    expect(server.requests).toContainEqual(expect.stringMatching(/tar\.gz bytes=[1-9]\d*-$/));
  });

  it('goes on with what a killed knest left', async () => {
    const layer = await layerOf('runc');
    await mkdir(`${cache}/build/${layer.id}`, { recursive: true });
    await writeFile(
      `${cache}/build/${layer.id}/runc.amd64.part`,
      fakeProgram('runc', '1.4.3').subarray(0, 500),
    );
    await ensureLayer(layer, buildContext(cache));
    expect(server.requests).toContainEqual(expect.stringMatching(/runc\.amd64 bytes=500-$/));
  });

  it('is found where the server leads to', async () => {
    await replaceServer({ redirect: true });
    await ensureLayer(await layerOf('containerd'), buildContext(cache));
    expect(server.requests).toContain(`/elsewhere/${archive}`);
  });

  it('comes through a proxy', async () => {
    const proxied: string[] = [];
    const proxy = createServer((request, response) => {
      proxied.push(request.url ?? '');
      const { pathname } = new URL(request.url ?? '');
      httpRequest(`${server.baseUrl}${pathname}`, (answer) => {
        response.writeHead(answer.statusCode ?? 500, answer.headers);
        answer.pipe(response);
      }).end();
    });
    // undici asks a proxy for a tunnel, also for plain HTTP
    proxy.on('connect', (request, socket) => {
      proxied.push(request.url ?? '');
      socket.write('HTTP/1.1 200 Connection Established\r\n\r\n');
      const { port } = new URL(server.baseUrl);
      void import('node:net').then(({ connect }) => {
        const upstream = connect(Number(port), '127.0.0.1', () => {
          socket.pipe(upstream);
          upstream.pipe(socket);
        });
      });
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    const proxyEnvironment = { http_proxy: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}` };
    try {
      const far = 'http://releases.example';
      const layer = await layerOf('runc', far, proxyEnvironment);
      await ensureLayer(layer, buildContext(cache, { facts: { proxyEnvironment } }));
      expect(proxied.join()).toContain('releases.example');
    } finally {
      proxy.closeAllConnections();
      proxy.close();
    }
  });
});

describe('a release is refused', () => {
  it('with a wrong checksum, and leaves nothing', async () => {
    await replaceServer({ wrongChecksum: ['containerd'] });
    const error = await failureOf(ensureLayer(await layerOf('containerd'), buildContext(cache)));
    expect(error.message).toMatch(
      /containerd-2\.3\.4-linux-amd64\.tar\.gz has a wrong checksum; the file was removed$/,
    );
    expect(error.hint).toContain('--component-mirror URL');
    expect(await leftovers()).toEqual([]);
  });

  it('when its file is damaged on the way', async () => {
    server.faults.push({ binary: 'runc.amd64', kind: 'damage', times: 10 });
    const error = await failureOf(ensureLayer(await layerOf('runc'), buildContext(cache)));
    expect(error.code).toBe('CHECKSUM_MISMATCH');
    expect(await leftovers()).toEqual([]);
  });

  it('when its file is gone', async () => {
    const layer = await layerOf('etcd');
    await replaceServer({ versions: {} });
    const source = { kind: 'release' as const, baseUrl: server.baseUrl };
    const error = await failureOf(ensureLayer({ ...layer, source }, buildContext(cache)));
    expect(error.message).toMatch(/etcd-v3\.6\.14-linux-amd64\.tar\.gz does not exist there \(404\)$/);
  });

  it('when it lacks a program', async () => {
    const content = (_component: ComponentName, name: string) => Buffer.from(name);
    // the archive of something else under this name
    await replaceServer({ versions: { etcd: '3.6.14' }, content });
    const etcd = await layerOf('etcd');
    const layer: ComponentLayer = { ...etcd, id: 'wrong', component: 'containerd' };
    const error = await failureOf(ensureLayer(layer, buildContext(cache)));
    expect(error).toBeInstanceOf(KnestError);
    expect(await leftovers()).toEqual([]);
  });

  it('without a checksum: the version is as good as not there', async () => {
    await replaceServer({ withoutChecksum: ['runc'] });
    expect(await checksum('runc')).toBeUndefined();
  });

  it('when the checksum is of other files only', async () => {
    await replaceServer({ arch: 'arm64' });
    await expect(checksum('etcd')).rejects.toThrow(
      /SHA256SUMS does not hold a SHA-256 checksum of etcd-v3\.6\.14-linux-amd64\.tar\.gz$/,
    );
  });
});

async function replaceServer(options: ComponentFixtureOptions): Promise<void> {
  await server.close();
  server = await componentFixture({ versions, ...options });
}

async function checksum(
  component: ComponentName,
  baseUrl = server.baseUrl,
  proxyEnvironment: Readonly<Record<string, string>> = {},
): Promise<string | undefined> {
  const client = await webClient(proxyEnvironment);
  try {
    return await releaseChecksum(
      { baseUrl, arch: 'amd64', client, timeout: 5_000 },
      component,
      versions[component],
    );
  } finally {
    await client.destroy();
  }
}

async function layerOf(
  component: ComponentName,
  baseUrl = server.baseUrl,
  proxyEnvironment: Readonly<Record<string, string>> = {},
): Promise<ComponentLayer> {
  const sha256 = (await checksum(component, baseUrl, proxyEnvironment)) ?? '';
  return releaseLayer(component, { version: versions[component], baseUrl, arch: 'amd64', sha256 });
}

async function filesIn(root: string): Promise<string[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
    .sort();
}

async function failureOf(promise: Promise<unknown>): Promise<KnestError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof KnestError) return error;
  throw new Error(`not an expected failure: ${String(error)}`);
}

async function leftovers(): Promise<string[]> {
  return (await readdir(cache, { recursive: true })).filter((file) => file !== 'layers');
}
