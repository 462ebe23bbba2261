import { describe, expect, it, vi } from 'vitest';

import type { CachedLayer } from '../../src/operations/cache/list.ts';
import type { KubernetesVersions } from '../../src/operations/inspect/versions.ts';
import { runCli } from './run-cli.ts';

const rootfs: CachedLayer = {
  ...{ id: 'rootfs-trixie-amd64-1', kind: 'rootfs', version: 'trixie', size: 503_000_000 },
  ...{
    built: new Date(Date.now() - 3.5 * 86_400_000).toISOString(),
    paths: ['/c/layers/r'],
    usedBy: ['demo'],
  },
};
const build: CachedLayer = {
  ...rootfs,
  id: 'kubernetes-x',
  kind: 'build',
  usedBy: [],
  builder: 42,
  size: 1000,
};

describe('cache list', () => {
  it('is a table', async () => {
    const listCache = () => Promise.resolve({ folder: '/c', entries: [rootfs, build], size: 503_001_000 });
    const { stdout } = await runCli(['cache', 'list'], { api: { listCache } });
    expect(stdout.split('\n').map((line) => line.replaceAll(/ {2,}/g, ' | '))).toEqual([
      'LAYER | KIND | VERSION | SIZE | AGE | USED BY',
      'rootfs-trixie-amd64-1 | rootfs | trixie | 503MB | 3d | demo',
      'kubernetes-x | build | trixie | 1kB | 3d | a build (pid 42)',
      '',
    ]);
    const json = await runCli(['cache', 'list', '-o', 'json'], { api: { listCache } });
    expect(JSON.parse(json.stdout)).toMatchObject({ entries: [{ id: rootfs.id, usedBy: ['demo'] }, {}] });
  });

  it('says that the cache is empty', async () => {
    const listCache = () => Promise.resolve({ folder: '/c', entries: [], size: 0 });
    const ran = await runCli(['cache', 'list'], { api: { listCache } });
    expect(ran).toMatchObject({ stdout: '', stderr: '/c is empty.\n' });
  });
});

describe('cache prune', () => {
  it('says what it removed and how much that was', async () => {
    const pruneCache = vi.fn(() => Promise.resolve({ removed: [rootfs], freed: 503_000_000 }));
    const argv = ['cache', 'prune', '--all', '--older-than', '30d'];
    const { stdout } = await runCli(argv, { api: { pruneCache } });
    expect(pruneCache.mock.calls[0]).toMatchObject([{ all: true, olderThan: 30 * 86_400_000 }]);
    expect(stdout).toContain('rootfs-trixie-amd64-1');
    expect(stdout).toMatch(/\nFreed 503MB\.\n$/);
    const dry = await runCli(['cache', 'prune', '--dry-run'], { api: { pruneCache } });
    expect(dry.stdout).toMatch(/\nWould free 503MB\.\n$/);
    const name = await runCli(['cache', 'prune', '-o', 'name'], { api: { pruneCache } });
    expect(name.stdout).toBe('rootfs-trixie-amd64-1\n');
  });

  it('says that there is nothing to remove', async () => {
    const pruneCache = () => Promise.resolve({ removed: [], freed: 0 });
    expect((await runCli(['cache', 'prune'], { api: { pruneCache } })).stdout).toBe('Nothing to remove.\n');
  });

  it('refuses an age that is none', async () => {
    const ran = await runCli(['cache', 'prune', '--older-than', 'yesterday']);
    expect(ran.exitCode).toBe(2);
  });
});

describe('get versions', () => {
  const versions: KubernetesVersions = {
    sources: [
      {
        source: 'release',
        from: 'https://dl.k8s.io',
        versions: [{ version: 'v1.36.2', labels: ['stable', 'stable-1.36'] }],
      },
      { source: 'debian', from: 'Debian', versions: [{ version: 'v1.20.2', labels: ['bookworm'] }] },
    ],
    cached: [
      { version: 'v1.20.2', source: 'debian', from: 'bookworm', layer: 'a', built: '2026-01-02T00:00:00Z' },
      { version: 'v1.20.2', source: 'directory', from: '/build', layer: 'b', built: '2026-01-03T00:00:00Z' },
    ],
    clusters: [{ name: 'demo', version: 'v1.20.2', nodes: ['v1.20.2'], next: 'v1.21', upgrades: [] }],
  };
  const api = { listVersions: vi.fn(() => Promise.resolve(versions)) };

  it('is one table of versions, and one of clusters', async () => {
    const { stdout } = await runCli(['get', 'versions'], { api, env: { KNEST_RELEASE_MIRROR: '' } });
    expect(stdout.split('\n').map((line) => line.replaceAll(/ {2,}/g, ' | '))).toEqual([
      'VERSION | SOURCE | LABELS | CACHED',
      'v1.36.2 | release | stable,stable-1.36 | <none>',
      'v1.20.2 | debian | bookworm | 2026-01-02',
      'v1.20.2 | directory | <none> | 2026-01-03',
      '',
      'CLUSTER | VERSION | NEXT | UPGRADES',
      'demo | v1.20.2 | v1.21 | <none>',
      '',
    ]);
  });

  it('names each version once', async () => {
    const { stdout } = await runCli(['get', 'versions', '-o', 'name'], { api });
    expect(stdout).toBe('v1.36.2\nv1.20.2\n');
  });

  it('asks the mirror that it is given', async () => {
    await runCli(['get', 'versions', '--release-mirror', 'https://mirror.example'], { api });
    expect(api.listVersions.mock.lastCall).toMatchObject([{ releaseMirror: 'https://mirror.example' }]);
  });
});
