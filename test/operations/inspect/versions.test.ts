import { afterEach, beforeEach, expect, it } from 'vitest';

import { memoryHost } from '../../../src/host/memory.ts';
import type { MemoryHost } from '../../../src/host/memory.ts';
import { listVersions } from '../../../src/operations/inspect/versions.ts';
import { writeCluster } from '../../../src/state/clusters.ts';
import { thisWorkstation } from '../../../src/workstation/workstation.ts';
import { releaseFixture } from '../../artifacts/release-server.ts';
import type { ReleaseFixture } from '../../artifacts/release-server.ts';
import { clusterSpec, planOf } from '../../fixtures/cluster.ts';

const paths = { state: '/state', cache: '/cache' };
let host: MemoryHost;
let server: ReleaseFixture;

beforeEach(async () => {
  const layer = {
    id: 'of-a-folder',
    kind: 'kubernetes',
    arch: 'amd64',
    version: 'v1.21.5',
    source: { kind: 'directory', directory: '/build' },
    built: '2026-01-02T00:00:00.000Z',
  };
  host = memoryHost({
    files: {
      '/proc/sys/kernel/osrelease': '6.12.0\n',
      '/proc/sys/kernel/arch': 'x86_64\n',
      '/cache/layers/of-a-folder/usr/local/bin/kubelet': '',
      '/cache/layers/of-a-folder.json': JSON.stringify(layer),
      '/cache/layers/other.json': JSON.stringify({ ...layer, id: 'other', arch: 'arm64' }),
      '/cache/layers/other/x': '',
    },
  });
  const spec = clusterSpec({ name: 'demo' });
  await writeCluster(host, paths, spec, planOf({ spec }));
  server = await releaseFixture({
    stable: 'v1.36.2',
    labels: {
      latest: 'v1.37.0-alpha.1',
      'stable-1.36': 'v1.36.2',
      'stable-1.35': 'v1.35.5',
      'stable-1.20': 'v1.20.15',
      'stable-1.21': 'v1.21.14',
    },
  });
});

afterEach(() => server.close());

it('tells what sources and cache have, and what clusters can be brought to', async () => {
  const found = await list(server.baseUrl);
  expect(found.sources).toEqual([
    {
      source: 'release',
      from: server.baseUrl,
      versions: [
        { version: 'v1.37.0-alpha.1', labels: ['latest'] },
        { version: 'v1.36.2', labels: ['stable', 'stable-1.36'] },
        { version: 'v1.35.5', labels: ['stable-1.35'] },
        { version: 'v1.21.14', labels: ['stable-1.21'] },
        { version: 'v1.20.15', labels: ['stable-1.20'] },
      ],
    },
    { source: 'debian', from: 'Debian', versions: [{ version: 'v1.20.2', labels: ['bookworm'] }] },
  ]);
  expect(found.cached).toEqual([
    {
      version: 'v1.21.5',
      source: 'directory',
      from: '/build',
      layer: 'of-a-folder',
      built: '2026-01-02T00:00:00.000Z',
    },
  ]);
  expect(found.clusters).toEqual([
    {
      name: 'demo',
      version: 'v1.20.2',
      nodes: ['v1.20.2'],
      next: 'v1.21',
      upgrades: ['v1.21.14', 'v1.21.5', 'v1.20.15'],
    },
  ]);
});

it('says that the server does not answer, and tells the rest', async () => {
  const told: string[] = [];
  const found = await list('http://127.0.0.1:2', told);
  const problem = '127.0.0.1:2 does not answer (ECONNREFUSED)';
  expect(found.sources[0]).toMatchObject({ versions: [], problem });
  expect(told).toEqual([problem]);
  expect(found.clusters[0]?.upgrades).toEqual(['v1.21.5']);
});

it('refuses a mirror that is no URL', async () => {
  await expect(list('mirror.example')).rejects.toMatchObject({ problems: [{ path: '--release-mirror' }] });
});

function list(releaseMirror: string, told: string[] = []) {
  return listVersions({
    host,
    paths,
    workstation: { ...thisWorkstation(), env: {} },
    releaseMirror,
    listener: (event) => {
      if (event.type === 'note') told.push(event.message);
    },
  });
}
