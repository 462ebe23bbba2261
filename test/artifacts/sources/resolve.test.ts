import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { compileProgress, debianLayerId } from '../../../src/artifacts/sources/debian.ts';
import { resolveKubernetes } from '../../../src/artifacts/sources/resolve.ts';
import { memoryHost } from '../../../src/host/memory.ts';
import { thisWorkstation } from '../../../src/workstation/workstation.ts';
import type { Host } from '../../../src/host/types.ts';
import { debianSources } from '../../../src/plan/versions/source-versions.ts';
import type { DebianSource } from '../../../src/plan/versions/source-versions.ts';
import type { ClusterSpec } from '../../../src/spec/types.ts';
import { someFacts, someSpec } from '../build-context.ts';
import { releaseFixture } from '../release-server.ts';
import type { ReleaseFixture } from '../release-server.ts';

const dead = 'http://127.0.0.1:2';
const [debian] = debianSources as [DebianSource];
let server: ReleaseFixture;

beforeEach(async () => {
  server = await releaseFixture({ version: 'v1.30.1' });
});

afterEach(() => server.close());

describe('source auto', () => {
  it('takes the release server when it answers', async () => {
    const found = await resolve({ releaseMirror: `${server.baseUrl}/` });
    expect(found).toMatchObject({ version: 'v1.30.1', source: { kind: 'release', baseUrl: server.baseUrl } });
    expect(found.layerId).toMatch(/^kubernetes-v1\.30\.1-release-amd64-[0-9a-f]{12}$/);
    expect(found.reason).toBe(`${new URL(server.baseUrl).host}: it answers`);
  });

  it('takes Debian when it does not, and says so', async () => {
    const found = await resolve({ releaseMirror: dead });
    expect(found).toMatchObject({ version: 'v1.20.2', source: { kind: 'debian', suite: 'bookworm' } });
    expect(found.reason).toBe('127.0.0.1:2 does not answer (ECONNREFUSED)');
  });

  it('takes Debian for a version that only Debian has', async () => {
    const found = await resolve({ releaseMirror: server.baseUrl, version: 'v1.20.2' });
    expect(found.source.kind).toBe('debian');
    expect(found.reason).toBe(`${server.baseUrl} has no Kubernetes v1.20.2`);
  });

  it('says what can be had when the version cannot', async () => {
    await expect(resolve({ releaseMirror: dead, version: 'v1.33.0' })).rejects.toMatchObject({
      problems: [
        {
          path: 'kubernetesVersion',
          message: 'Kubernetes v1.33.0 cannot be had: 127.0.0.1:2 does not answer (ECONNREFUSED)',
          hint: 'source debian has v1.20.2 (bookworm); the cache has none; whatever the config says, --kubernetes-version counts',
        },
      ],
    });
  });

  it('prefers the cache, the most recently built first, and asks no server', async () => {
    const host = await cacheOf([
      { id: 'old', version: 'v1.29.0', built: '2025-01-01T00:00:00.000Z' },
      { id: 'new', version: 'v1.31.0', built: '2025-02-02T00:00:00.000Z' },
      { id: 'other-arch', version: 'v1.32.0', built: '2025-03-03T00:00:00.000Z', arch: 'arm64' },
    ]);
    const found = await resolve({}, host);
    expect(found).toMatchObject({
      version: 'v1.31.0',
      layerId: 'new',
      reason: 'in the cache since 2025-02-02 (source release)',
    });
    expect((await resolve({ version: 'v1.29.0' }, host)).layerId).toBe('old');
    expect(server.requests).toEqual([]);
  });

  it('does not take from the cache what an older recipe made, nor a directory’s binaries', async () => {
    const current = await debianLayerId(debian, 'amd64', thisWorkstation());
    const source = { kind: 'debian', suite: 'bookworm' };
    const stale = await cacheOf([
      { id: 'stale', version: 'v1.20.2', built: '2025-02-02T00:00:00.000Z', source },
      {
        id: 'own',
        version: 'v1.20.2',
        built: '2025-02-02T00:00:00.000Z',
        source: { kind: 'directory', directory: '/x' },
      },
      { id: current, version: 'v1.20.2', built: '2025-01-01T00:00:00.000Z', source },
    ]);
    expect(await resolve({}, stale)).toMatchObject({
      layerId: current,
      reason: expect.stringContaining('in the cache') as string,
    });
  });

  it('takes only the named server’s layers from the cache', async () => {
    const host = await cacheOf([{ id: 'new', version: 'v1.31.0', built: '2025-02-02T00:00:00.000Z' }]);
    expect((await resolve({ releaseMirror: server.baseUrl }, host)).version).toBe('v1.30.1');
    expect((await resolve({ releaseMirror: 'https://cached.example' }, host)).layerId).toBe('new');
  });

  it('survives a metadata file that is no JSON', async () => {
    const host = memoryHost({ files: { '/cache/layers/x/usr': '', '/cache/layers/x.json': '{' } });
    const found = await resolve({ releaseMirror: server.baseUrl }, host);
    expect(found.version).toBe('v1.30.1');
  });
});

describe('versions that are not whole', () => {
  const labels = { 'stable-1.30': 'v1.30.1', 'latest-1.30': 'v1.30.1', latest: 'v1.31.0-alpha.1' };

  it.each([
    ['v1.30', 'stable-1.30'],
    ['stable-1.30', 'stable-1.30'],
    ['latest-1.30', 'latest-1.30'],
    ['stable', 'stable'],
  ])('%s is what the server’s %s.txt says', async (version, file) => {
    await server.close();
    server = await releaseFixture({ version: 'v1.30.1', labels });
    const found = await resolve({ source: 'release', releaseMirror: server.baseUrl, version });
    expect(found.version).toBe('v1.30.1');
    expect(found.reason).toBe(`${new URL(server.baseUrl).host}: its ${version}`);
    expect(server.requests[0]).toBe(`/release/${file}.txt`);
  });

  it('may be one before its release, if the server’s label says so', async () => {
    await server.close();
    server = await releaseFixture({ version: 'v1.31.0-alpha.1', stable: 'v1.30.1', labels });
    const found = await resolve({ source: 'release', releaseMirror: server.baseUrl, version: 'latest' });
    expect(found.version).toBe('v1.31.0-alpha.1');
  });

  it('are refused where the server has no such label', async () => {
    const asked = resolve({ source: 'release', releaseMirror: server.baseUrl, version: 'v1.99' });
    await expect(asked).rejects.toMatchObject({
      problems: [{ path: 'kubernetesVersion', message: `${server.baseUrl} has no Kubernetes v1.99` }],
    });
  });

  it.each(['v1.20', 'stable-1.20', 'stable', 'latest-1'])(
    '%s is something that Debian has',
    async (version) => {
      expect((await resolve({ source: 'debian', version })).version).toBe('v1.20.2');
    },
  );

  it.each(['v1.21', 'stable-2', 'latest-1.30'])(
    '%s is nothing that Debian has, which is said',
    async (version) => {
      await expect(resolve({ source: 'debian', version })).rejects.toMatchObject({
        problems: [
          {
            path: 'kubernetesVersion',
            message: `Debian has no source of Kubernetes ${version}`,
            hint: 'source debian has v1.20.2 (bookworm)',
          },
        ],
      });
    },
  );

  it('come from the cache, the newest of a line, but labels are asked for first', async () => {
    const built = '2025-02-02T00:00:00.000Z';
    const host = await cacheOf([
      { id: 'older', version: 'v1.30.9', built },
      { id: 'newer', version: 'v1.30.10', built: '2025-01-01T00:00:00.000Z' },
      { id: 'other', version: 'v1.31.0', built },
    ]);
    expect((await resolve({ version: 'v1.30' }, host)).layerId).toBe('newer');
    const source = { kind: 'release', baseUrl: dead };
    const offline = await cacheOf([{ id: 'mine', version: 'v1.30.9', built, source }]);
    const found = await resolve({ version: 'stable-1.30', releaseMirror: dead }, offline);
    expect(found).toMatchObject({
      layerId: 'mine',
      reason: '127.0.0.1:2 does not answer (ECONNREFUSED); in the cache since 2025-02-02 (source release)',
    });
    expect((await resolve({ version: 'stable', releaseMirror: server.baseUrl }, offline)).version).toBe(
      'v1.30.1',
    );
  });

  it('are Debian’s where no server answers and it has one', async () => {
    expect((await resolve({ version: 'v1.20', releaseMirror: dead })).version).toBe('v1.20.2');
  });
});

describe('source release', () => {
  it('fails when the server is dead', async () => {
    await expect(resolve({ source: 'release', releaseMirror: dead })).rejects.toThrow(
      '127.0.0.1:2 does not answer (ECONNREFUSED)',
    );
  });

  it('makes do with the cache when the server is dead and any version will do', async () => {
    const host = await cacheOf([
      {
        id: 'mine',
        version: 'v1.31.0',
        built: '2025-02-02T00:00:00.000Z',
        source: { kind: 'release', baseUrl: dead },
      },
    ]);
    expect(await resolve({ source: 'release', releaseMirror: dead }, host)).toMatchObject({
      layerId: 'mine',
      reason: '127.0.0.1:2 does not answer (ECONNREFUSED); in the cache since 2025-02-02 (source release)',
    });
    expect(
      (await resolve({ source: 'release', releaseMirror: dead, version: 'v1.31.0' }, host)).layerId,
    ).toBe('mine');
  });

  it('names a version that is not there', async () => {
    const asked = resolve({ source: 'release', releaseMirror: server.baseUrl, version: 'v9.9.9' });
    await expect(asked).rejects.toMatchObject({ problems: [{ path: 'kubernetesVersion' }] });
  });

  it('refuses a server whose stable.txt is something else', async () => {
    await server.close();
    server = await releaseFixture({ stable: '<html>' });
    await expect(resolve({ source: 'release', releaseMirror: server.baseUrl })).rejects.toThrow(
      'does not name a version',
    );
  });
});

describe('source debian', () => {
  it('gives what Debian has, from the host’s mirror', async () => {
    const found = await resolve({ source: 'debian' });
    expect(found.version).toBe('v1.20.2');
    expect(found.layerId).toBe(await debianLayerId(debian, 'amd64', thisWorkstation()));
  });

  it('lists its versions when asked for another', async () => {
    await expect(resolve({ source: 'debian', version: 'v1.30.0' })).rejects.toMatchObject({
      problems: [{ path: 'kubernetesVersion', hint: 'source debian has v1.20.2 (bookworm)' }],
    });
  });

  it('counts the packages compiled', () => {
    const told: string[] = [];
    const onLine = compileProgress((message) => told.push(message));
    for (const line of [
      'k8s.io/early',
      'knest:packages 3',
      'k8s.io/a',
      '# k8s.io/b',
      'warning: some text',
      'internal/abi',
    ])
      onLine(line);
    expect(told).toEqual(['compiled 1 of 3 packages', 'compiled 2 of 3 packages']);
  });
});

function resolve(kubernetes: Partial<ClusterSpec['kubernetes']>, host: Host = memoryHost()) {
  return resolveKubernetes(someSpec(kubernetes), someFacts(), {
    host,
    user: thisWorkstation(),
    paths: { state: '/state', cache: '/cache' },
  });
}

interface CachedLayer {
  id: string;
  version: string;
  built: string;
  arch?: string;
  source?: object;
}

function cacheOf(layers: readonly CachedLayer[]): Promise<Host> {
  const files: Record<string, string> = {};
  for (const layer of layers) {
    const info = {
      kind: 'kubernetes',
      arch: 'amd64',
      source: { kind: 'release', baseUrl: 'https://cached.example' },
      ...layer,
    };
    files[`/cache/layers/${layer.id}/usr/local/bin/kubelet`] = '';
    files[`/cache/layers/${layer.id}.json`] = JSON.stringify(info);
  }
  return Promise.resolve(memoryHost({ files }));
}
