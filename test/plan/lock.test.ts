import { describe, expect, it } from 'vitest';

import { lockedRootfsId, rootfsLayer } from '../../src/plan/image.ts';
import { imagesLayers } from '../../src/plan/images-layer.ts';
import { kubernetesLayer, lockedKubernetes as chosen } from '../../src/plan/kubernetes-layer.ts';
import { lockedComponent as component } from '../../src/plan/locked-component.ts';
import { lockProblems } from '../../src/plan/lock-problems.ts';
import type { Lock } from '../../src/spec/lock.ts';
import type { ClusterSpec, ComponentOrigin } from '../../src/spec/types.ts';
import { clusterSpec, nodeSpec, planOf } from '../fixtures/cluster.ts';
import { hostFacts } from '../fixtures/host-facts.ts';
import { debianTree, lockedComponent, lockedKubernetes, lockedPackage, someLock } from '../fixtures/lock.ts';

type Kubernetes = Partial<ClusterSpec['kubernetes']>;

function locked(kubernetes: Kubernetes = {}, lock: Lock = someLock(), changes: Partial<ClusterSpec> = {}) {
  const usual = clusterSpec(changes);
  return {
    ...usual,
    image: { ...usual.image, lock },
    kubernetes: { ...usual.kubernetes, version: 'stable', ...kubernetes },
  };
}

const problems = (spec: ClusterSpec, facts = hostFacts()): string[] =>
  lockProblems(spec, facts).map(({ path, message }) => `${path}: ${message}`);

describe('layers by a lock', () => {
  it('are those of the lock, with what must be in them', () => {
    const [rootfs, kubernetes] = someLock().layers;
    const spec = locked();
    const resolved = chosen(spec, hostFacts());
    expect(rootfsLayer(spec.image, hostFacts())).toMatchObject({
      id: rootfs?.id,
      locked: debianTree,
      content: rootfs?.content,
    });
    expect(resolved && kubernetesLayer(resolved, spec.image.lock)).toMatchObject({
      id: kubernetes?.id,
      version: 'v1.36.2',
      binaries: lockedKubernetes().binaries,
      content: kubernetes?.content,
    });
  });

  it('are in the plan', () => {
    const plan = planOf({ spec: locked() });
    const rootfs = plan.layers.find(({ kind }) => kind === 'rootfs');
    expect(rootfs).toMatchObject({ locked: debianTree, content: 'd'.repeat(64) });
  });

  it('of images are known by what is in the archives', () => {
    const images = [{ file: '/srv/app.tar', content: { digest: 'e'.repeat(64), images: ['a'] } }];
    const [free] = imagesLayers({ images, image: { suite: 'trixie', mirror: undefined } });
    const lock = someLock({
      layers: [{ id: free?.id ?? '', kind: 'images', archives: [], content: '9'.repeat(64) }],
    });
    expect(imagesLayers({ images, image: { suite: 'trixie', mirror: undefined, lock } })).toEqual([
      { ...free, content: '9'.repeat(64) },
    ]);
  });

  it.each([
    ['another version of a package', { packages: [lockedPackage('bash', { version: '1.0-2' })] }],
    ['another checksum', { packages: [lockedPackage('bash', { sha256: '0'.repeat(64) })] }],
    ['another day', { date: '2026-11-26T02:22:31Z' }],
    ['another mirror, which nodes go on with', { mirror: 'http://other.example/debian' }],
  ])('are others with %s', (_, changes) => {
    expect(lockedRootfsId({}, { ...debianTree, ...changes }, 'amd64')).not.toBe(
      lockedRootfsId({}, debianTree, 'amd64'),
    );
  });
});

describe('Kubernetes by a lock', () => {
  const version = (kubernetes: Kubernetes, lock?: Lock) =>
    chosen(locked(kubernetes, lock), hostFacts())?.version;

  it('is what the same words meant when it was locked', () => {
    expect(version({ version: 'stable' })).toBe('v1.36.2');
    expect(version({ version: 'latest' })).toBeUndefined();
    expect(version({ version: undefined })).toBeUndefined();
  });

  it('may be said more or less exactly', () => {
    expect(version({ version: 'v1.36' })).toBe('v1.36.2');
    expect(version({ version: 'v1.36.2' })).toBe('v1.36.2');
    expect(version({ version: 'v1.36.1' })).toBeUndefined();
    const unsaid = lockedKubernetes();
    delete unsaid.wanted;
    expect(version({ version: undefined }, someLock({ layers: [unsaid] }))).toBe('v1.36.2');
  });

  it('may come from any mirror of the same server, and from no other source', () => {
    const mirrored = chosen(locked({ source: 'release', releaseMirror: 'https://m.example' }), hostFacts());
    expect(mirrored?.source).toEqual({ kind: 'release', baseUrl: 'https://m.example' });
    expect(version({ source: 'debian' })).toBeUndefined();
    expect(version({ source: { directory: '/srv/bin' } })).toBeUndefined();
  });
});

describe('components by a lock', () => {
  const ofSuite = { version: '1.7.24', reason: 'of trixie' };
  const lock = someLock({ layers: [...someLock().layers, lockedComponent()] });
  const there = { suite: 'trixie', kubernetes: 'v1.36.2' };

  it('are layers for the nodes that had them, and the suite’s for others', () => {
    const { id, source, sha256, content } = lockedComponent();
    expect(component(lock, 'containerd', there, ofSuite, undefined)).toEqual({
      version: '2.3.4',
      layer: { kind: 'component', component: 'containerd', version: '2.3.4', id, source, sha256, content },
      reason: 'as locked',
    });
    expect(component(lock, 'runc', there, ofSuite, undefined)).toBe(ofSuite);
    expect(component(lock, 'containerd', { ...there, suite: 'bookworm' }, ofSuite, undefined)).toBe(ofSuite);
    expect(component(lock, 'containerd', { ...there, kubernetes: 'v1.35.0' }, ofSuite, undefined)).toBe(
      ofSuite,
    );
  });

  it('come from any mirror', () => {
    const { layer } = component(lock, 'containerd', there, ofSuite, 'https://m.example');
    expect(layer?.source).toEqual({ kind: 'release', baseUrl: 'https://m.example' });
  });

  it.each<[string, ComponentOrigin, string]>([
    ['suite', { source: 'suite', version: undefined }, 'is suite, and knest.lock has 2.3.4 (release)'],
    [
      'version',
      { source: 'release', version: '2.2.0' },
      'is release 2.2.0, and knest.lock has 2.3.4 (release)',
    ],
    [
      'directory',
      { source: { directory: '/srv' }, version: undefined },
      'is /srv, and knest.lock has 2.3.4 (release)',
    ],
  ])('are refused when the spec says another %s', (_, containerd, message) => {
    const spec = locked({}, lock);
    const components = { ...spec.components, sources: { containerd } };
    expect(problems({ ...spec, components })).toEqual([`components.containerd: ${message}`]);
  });

  it.each<[ComponentOrigin, string[]]>([
    [
      { source: 'release', version: undefined },
      ["components.runc: is release, and knest.lock has the suite's"],
    ],
    [{ source: 'suite', version: undefined }, []],
    [{ source: 'auto', version: undefined }, []],
  ])('that are the suite’s may be asked for as such: %j', (runc, found) => {
    const spec = locked({}, lock);
    expect(problems({ ...spec, components: { ...spec.components, sources: { runc } } })).toEqual(found);
  });

  it.each<ComponentOrigin>([
    { source: 'release', version: '2.3.4' },
    { source: 'release', version: undefined },
    { source: 'auto', version: '2.3.4' },
    { source: 'auto', version: undefined },
  ])('may be asked for more or less exactly: %j', (containerd) => {
    const spec = locked({}, lock);
    expect(problems({ ...spec, components: { ...spec.components, sources: { containerd } } })).toEqual([]);
  });
});

describe('lockProblems', () => {
  it('tells of packages of one’s own that were not locked', () => {
    const spec = locked();
    expect(problems({ ...spec, image: { ...spec.image, packages: ['crun', 'tcpdump'] } })).toEqual([
      'image.packages: is crun, tcpdump, and knest.lock has none',
    ]);
  });

  it('finds none where everything is as it was, or nothing is locked', () => {
    expect(problems(locked())).toEqual([]);
    expect(problems(clusterSpec())).toEqual([]);
  });

  it('tells of all differences at once', () => {
    const spec = locked({ version: 'v1.35.0' }, someLock(), {
      nodes: [nodeSpec(), nodeSpec({ name: 'old', suite: 'bookworm' })],
    });
    expect(problems(spec)).toEqual([
      'suite: is bookworm, and knest.lock has trixie',
      'kubernetesVersion: is v1.35.0 (source auto), and knest.lock has v1.36.2 (stable, source release)',
    ]);
  });

  it('tells of single nodes with their paths', () => {
    const own = { version: 'v1.35.0', source: 'auto' as const };
    const spec = locked({}, someLock(), { nodes: [nodeSpec(), nodeSpec({ name: 'old', kubernetes: own })] });
    expect(problems(spec)).toEqual([
      'nodes[1].kubernetesVersion: is v1.35.0 (source auto), and knest.lock has v1.36.2 (stable, source release)',
    ]);
  });

  it('compares only the nodes that come, and makes nothing of layers that are there', () => {
    const own = { version: 'v1.35.0', source: 'auto' as const };
    const nodes = [nodeSpec(), nodeSpec({ name: 'old', suite: 'bookworm', kubernetes: own })];
    const [rootfs, kubernetes] = someLock().layers;
    if (rootfs?.kind !== 'rootfs' || !kubernetes) throw new Error('the fixture has changed');
    const older = someLock({ layers: [{ ...rootfs, id: 'rootfs-trixie-amd64-000000000000' }, kubernetes] });
    const spec = locked({}, older, { nodes: [...nodes, nodeSpec({ name: 'new' })] });
    const names = new Set(nodes.map(({ name }) => name));
    const beside = (layers: string[]) =>
      lockProblems(spec, hostFacts(), { nodes: names, layers: new Set(layers) }).map(({ path }) => path);
    expect(beside([])).toEqual(['knest.lock']);
    expect(beside(['rootfs-trixie-amd64-000000000000'])).toEqual([]);
  });

  it('tells of a mirror that was not locked', () => {
    const spec = locked();
    const elsewhere = { ...spec, image: { ...spec.image, mirror: 'http://other.example/debian' } };
    expect(problems(elsewhere)).toEqual([
      'mirror: is http://other.example/debian, and knest.lock has packages of http://mirror.example/debian',
    ]);
  });

  it('tells of another architecture, and says nothing else', () => {
    const spec = locked({ version: 'v1.35.0' });
    expect(problems(spec, hostFacts({ arch: 'arm64' }))).toEqual([
      'knest.lock: is of nodes for amd64, and this host is arm64',
    ]);
  });

  it('tells of a knest that makes another layer of the same packages', () => {
    const [rootfs, kubernetes] = someLock().layers;
    if (rootfs?.kind !== 'rootfs' || !kubernetes) throw new Error('the fixture has changed');
    const older = someLock({ layers: [{ ...rootfs, id: 'rootfs-trixie-amd64-000000000000' }, kubernetes] });
    expect(problems(locked({}, older))).toEqual([
      `knest.lock: has rootfs-trixie-amd64-000000000000, of knest 0.1.0, and this knest makes ${rootfs.id} of the same packages`,
    ]);
  });
});
