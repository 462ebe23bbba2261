import { beforeEach, describe, expect, it } from 'vitest';

import { memoryHost } from '../../../src/host/memory.ts';
import type { MemoryHost } from '../../../src/host/memory.ts';
import { formatIdentity } from '../../../src/host/process.ts';
import { listCache } from '../../../src/operations/cache/list.ts';
import { pruneCache } from '../../../src/operations/cache/prune.ts';
import { writeCluster } from '../../../src/state/clusters.ts';
import { clusterSpec, planOf } from '../../fixtures/cluster.ts';

const paths = { state: '/state', cache: '/cache' };
const plan = planOf({ spec: clusterSpec({ name: 'demo' }) });
const day = 86_400_000;
let host: MemoryHost;
let told: string[];

beforeEach(() => {
  told = [];
  host = memoryHost({
    files: { '/proc/sys/kernel/random/boot_id': 'boot\n' },
    answers: {
      du: (argv) => ({
        stdout: argv
          .slice(argv.indexOf('--') + 1)
          .map((path) => `1000\t${path}\0`)
          .join(''),
      }),
      rmdir: {},
    },
  });
});

describe('listCache', () => {
  it('tells of layers, unfinished builds, their size, and who uses them', async () => {
    await useLayers();
    layer('rootfs-a', { kind: 'rootfs', suite: 'trixie' }, 2);
    host.files.set('/cache/build/kubernetes-x/kubelet.part', { content: 'half', mode: 0o644 });
    host.files.set('/cache/layers/kubernetes-x.partial/usr', { content: '', mode: 0o644 });
    host.files.set('/cache/layers/lost/usr', { content: '', mode: 0o644 });
    const { entries, size, folder } = await listCache({ host, paths });
    expect(folder).toBe('/cache');
    expect(size).toBe(1000 * (plan.layers.length + 4));
    const byId = new Map(entries.map((entry) => [entry.id, entry]));
    for (const { id } of plan.layers) expect(byId.get(id)?.usedBy).toEqual(['demo']);
    expect(byId.get('rootfs-a')).toMatchObject({ kind: 'rootfs', version: 'trixie', size: 1000, usedBy: [] });
    expect(byId.get('kubernetes-x')).toMatchObject({
      kind: 'build',
      size: 2000,
      paths: ['/cache/layers/kubernetes-x.partial', '/cache/build/kubernetes-x'],
    });
    expect(byId.get('lost')?.kind).toBe('unknown');
  });

  it('is empty where there is no cache', async () => {
    expect(await listCache({ host, paths })).toEqual({ folder: '/cache', entries: [], size: 0 });
  });

  it('knows clusters of other state folders, and mounts that no record tells of', async () => {
    await useLayers({ ...paths, state: '/other' });
    layer('rootfs-a', { kind: 'rootfs', suite: 'trixie' }, 2);
    const overlay = 'overlay overlay rw,lowerdir=/cache/layers/gone:/cache/layers/rootfs-a,upperdir=/x/upper';
    host.files.set('/proc/self/mountinfo', {
      content: `45 27 0:39 / /x/root rw,relatime - ${overlay}\n`,
      mode: 0o444,
    });
    const { entries } = await listCache({ host, paths });
    const users = Object.fromEntries(entries.map(({ id, usedBy }) => [id, usedBy]));
    expect(users[plan.layers[0]?.id ?? '']).toEqual(['demo (/other)']);
    expect(users['rootfs-a']).toEqual(['mounted at /x/root']);
  });
});

describe('layers of components', () => {
  it('say which one they are, and one of a directory replaces the one before', async () => {
    const containerd = {
      kind: 'component',
      component: 'containerd',
      source: { kind: 'release', baseUrl: 'x' },
    };
    const own = { kind: 'component', component: 'runc', source: { kind: 'directory', directory: '/runc' } };
    layer('containerd-a', { ...containerd, version: '2.3.4' }, 1);
    layer('containerd-b', { ...containerd, version: '1.7.34' }, 2);
    layer('runc-a', { ...own, version: '1.4.3' }, 1);
    layer('runc-b', { ...own, version: '1.4.2' }, 2);
    const { entries } = await listCache({ host, paths });
    expect(entries.find(({ id }) => id === 'containerd-a')).toMatchObject({
      kind: 'component',
      component: 'containerd',
      version: '2.3.4',
      source: 'release',
    });
    const { removed } = await pruneCache({ host, paths, dryRun: true });
    expect(removed.map(({ id }) => id)).toEqual(['runc-b']);
  });
});

describe('pruneCache', () => {
  beforeEach(() => {
    layer('rootfs-new', { kind: 'rootfs', suite: 'trixie' }, 1);
    layer('rootfs-old', { kind: 'rootfs', suite: 'trixie' }, 40);
    layer('rootfs-other', { kind: 'rootfs', suite: 'bookworm' }, 50);
    const directory = { kind: 'directory', directory: '/build' };
    layer('built-twice', { kind: 'kubernetes', version: 'v1.37.0', source: directory }, 2);
    layer('built-once', { kind: 'kubernetes', version: 'v1.36.0', source: directory }, 3);
    const release = { kind: 'release', baseUrl: 'https://dl.k8s.io' };
    layer('release', { kind: 'kubernetes', version: 'v1.36.0', source: release }, 60);
    host.files.set('/cache/build/half/kubelet.part', { content: 'half', mode: 0o644 });
  });

  it('takes what is left over or replaced, and says how much that was', async () => {
    const { removed, freed } = await prune();
    expect(removed).toEqual(['built-once', 'half', 'rootfs-old']);
    expect(freed).toBe(3000);
    expect(await cached()).toEqual(['built-twice', 'release', 'rootfs-new', 'rootfs-other']);
    expect(host.files.has('/cache/layers/rootfs-old.json')).toBe(false);
    expect([...host.files.keys()].filter((path) => path.endsWith('.lock'))).toEqual([]);
  });

  it('with all, everything that no cluster stands on', async () => {
    await useLayers();
    await prune({ all: true });
    expect(await cached()).toEqual(plan.layers.map(({ id }) => id).sort());
  });

  it('only what is old enough', async () => {
    expect((await prune({ all: true, olderThan: 45 * day })).removed).toEqual(['release', 'rootfs-other']);
  });

  it('removes nothing when it is only asked what it would', async () => {
    const before = await cached();
    expect((await prune({ dryRun: true })).removed).toEqual(['built-once', 'half', 'rootfs-old']);
    expect(await cached()).toEqual(before);
    expect(host.commands.filter(([program]) => program !== 'du')).toEqual([]);
  });

  it('leaves what somebody builds', async () => {
    const me = formatIdentity(await host.identity()).trimEnd();
    await host.link(me, '/cache/layers/half.lock');
    await host.link(me, '/cache/layers/rootfs-old.lock');
    expect((await prune()).removed).toEqual(['built-once']);
  });

  it('leaves the layers of clusters in other state folders', async () => {
    await useLayers({ ...paths, state: '/other' });
    await prune({ all: true });
    expect(await cached()).toEqual(plan.layers.map(({ id }) => id).sort());
  });

  it('leaves all layers while a record cannot be read', async () => {
    await useLayers();
    host.files.set('/state/clusters/demo/plan.json', { content: '{', mode: 0o600 });
    expect((await prune({ all: true })).removed).toEqual(['half']);
    expect(told.at(-1)).toBe('nobody knows which layers that cluster stands on: all of them stay');
  });

  it('forgets state folders that are gone', async () => {
    await useLayers({ ...paths, state: '/other' });
    await host.remove('/other');
    await prune({ all: true });
    expect(await cached()).toEqual([]);
    expect(await host.list('/cache/state-folders')).toEqual([]);
  });
});

async function prune(options: Parameters<typeof pruneCache>[0] = {}) {
  const { removed, freed } = await pruneCache({
    ...{ host, paths, ...options },
    listener: (event) => {
      if (event.type === 'note') told.push(event.message);
    },
  });
  return { removed: removed.map(({ id }) => id).sort(), freed };
}

async function cached(): Promise<string[]> {
  const { entries } = await listCache({ host, paths });
  return entries.flatMap(({ id, kind }) => (kind === 'build' ? [] : [id])).sort();
}

function layer(id: string, info: object, daysOld: number): void {
  const built = new Date(Date.now() - daysOld * day).toISOString();
  host.files.set(`/cache/layers/${id}/usr`, { content: '', mode: 0o755 });
  host.files.set(`/cache/layers/${id}.json`, {
    content: JSON.stringify({ id, arch: 'amd64', built, ...info }),
    mode: 0o644,
  });
}

/** A cluster that stands on its layers. */
async function useLayers(where = paths): Promise<void> {
  for (const { id, kind } of plan.layers) layer(id, { kind }, 100);
  await writeCluster(host, where, clusterSpec({ name: 'demo' }), plan);
}
