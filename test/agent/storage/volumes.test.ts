import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import type { ClaimObject, NodeObject, VolumeObject } from '../../../src/clients/kubernetes/objects.ts';
import { runStorage } from '../../../src/agent/storage/run.ts';
import { placeOf } from '../../../src/agent/storage/placement.ts';
import { directoryOf, refusal, volumeFor, wantsVolume } from '../../../src/agent/storage/volumes.ts';
import { fakeApi } from '../fake-api.ts';
import type { FakeApi } from '../fake-api.ts';

const storageClass = {
  metadata: { name: 'standard' },
  provisioner: 'knest.dev/local-path',
  reclaimPolicy: 'Delete',
  volumeBindingMode: 'WaitForFirstConsumer',
};
const immediate = { ...storageClass, metadata: { name: 'at-once' }, volumeBindingMode: 'Immediate' };
const nodes = '/api/v1/nodes';

function nodeObject(name: string, spec: NodeObject['spec'] = {}, ready = 'True'): NodeObject {
  return { metadata: { name }, spec, status: { conditions: [{ type: 'Ready', status: ready }] } };
}

/** Of a class that does not wait for a pod. */
function unplaced(name: string): ClaimObject {
  const { metadata, ...rest } = claim(name, 'nobody', { storageClassName: 'at-once' });
  const annotations = { 'volume.kubernetes.io/storage-provisioner': 'knest.dev/local-path' };
  return { ...rest, metadata: { ...metadata, annotations } };
}
const volumes = '/api/v1/persistentvolumes';
const claims = '/api/v1/persistentvolumeclaims';
const classes = '/apis/storage.k8s.io/v1/storageclasses';

function claim(name: string, node = 'one', spec: ClaimObject['spec'] = {}): ClaimObject {
  return {
    metadata: {
      ...{ name, namespace: 'shop', uid: `uid-${name}`, resourceVersion: '7' },
      annotations: {
        'volume.beta.kubernetes.io/storage-provisioner': 'knest.dev/local-path',
        'volume.kubernetes.io/selected-node': node,
      },
    },
    spec: {
      ...{ storageClassName: 'standard', accessModes: ['ReadWriteOnce'] },
      resources: { requests: { storage: '2Gi' } },
      ...spec,
    },
    status: { phase: 'Pending' },
  };
}

describe('claims', () => {
  it('get a volume on the node that was chosen for them, once', () => {
    expect(wantsVolume(claim('a'), 'one')).toBe(true);
    expect(wantsVolume(claim('a'), 'two')).toBe(false);
    expect(wantsVolume(claim('a', 'one', { volumeName: 'pvc-x' }), 'one')).toBe(false);
    expect(wantsVolume({ ...claim('a'), metadata: { name: 'a' } }, 'one')).toBe(false);
  });

  it('are refused what a directory cannot be', () => {
    expect(refusal(claim('a'))).toBeUndefined();
    expect(refusal(claim('a', 'one', { accessModes: ['ReadWriteMany'] }))).toMatch(/ReadWriteMany/);
    expect(refusal(claim('a', 'one', { volumeMode: 'Block' }))).toMatch(/Block|block/);
    expect(refusal(claim('a', 'one', { selector: {} }))).toMatch(/selector/);
    expect(refusal(claim('a', 'one', { dataSource: {} }))).toMatch(/dataSource/);
  });
});

describe('a volume that no pod has asked for yet', () => {
  it('goes to a node that is ready and takes pods, the same for all who ask', () => {
    const all = ['one', 'two', 'three'].map((name) => nodeObject(name));
    const places = Array.from(
      { length: 30 },
      (_, index) => placeOf(unplaced(`c${index}`), immediate, all).node,
    );
    expect(new Set(places)).toEqual(new Set(['one', 'two', 'three']));
    const again = [...all].reverse();
    expect(Array.from(places, (_, index) => placeOf(unplaced(`c${index}`), immediate, again).node)).toEqual(
      places,
    );
    const fewer = [
      nodeObject('one', { unschedulable: true }),
      nodeObject('two', { taints: [{ key: 'k', effect: 'NoSchedule' }] }),
      nodeObject('three', {}, 'Unknown'),
      nodeObject('four', { taints: [{ key: 'k', effect: 'PreferNoSchedule' }] }),
    ];
    expect(placeOf(unplaced('c'), immediate, fewer).node).toBe('four');
  });

  it('goes where its class allows it', () => {
    const zone = (name: string, value: string) => ({
      ...nodeObject(name),
      metadata: { name, labels: { zone: value } },
    });
    const allowed = {
      ...immediate,
      allowedTopologies: [{ matchLabelExpressions: [{ key: 'zone', values: ['b'] }] }],
    };
    expect(placeOf(unplaced('c'), allowed, [zone('one', 'a'), zone('two', 'b')]).node).toBe('two');
    expect(placeOf(unplaced('c'), allowed, [zone('one', 'a')])).toEqual({ node: undefined, teller: 'one' });
  });
});

it('never takes another directory for a volume', () => {
  const volume = volumeFor(claim('a'), { node: 'one', folder: '/volumes', storageClass });
  const at = (path: string): VolumeObject => ({ ...volume, spec: { ...volume.spec, local: { path } } });
  expect(directoryOf(volume, 'one', '/volumes')).toBe('/volumes/pvc-uid-a_shop_a');
  expect(directoryOf(volume, 'two', '/volumes')).toBeUndefined();
  for (const path of [
    '/etc',
    '/volumes',
    '/volumes/',
    '/volumes/../pvc-x',
    '/volumes/pvc-x/..',
    '/volumes/x',
    '/pvc-x',
  ])
    expect(directoryOf(at(path), 'one', '/volumes'), path).toBeUndefined();
  const foreign = { ...volume, metadata: { name: 'mine' } };
  expect(directoryOf(foreign, 'one', '/volumes')).toBeUndefined();
});

describe('a node', () => {
  let api: FakeApi;
  let folder: string;

  beforeEach(async () => {
    vi.spyOn(console, 'log').mockImplementation(() => undefined);
    folder = await mkdtemp(join(tmpdir(), 'knest-volumes-'));
    api = fakeApi();
    api.put(classes, storageClass);
    await runStorage('one', { folder }, api);
  });
  afterEach(() => rm(folder, { recursive: true }));

  const volume = (name: string) => api.object(volumes, `pvc-uid-${name}`) as VolumeObject | undefined;

  it('makes a directory that all may write, and a volume bound to the claim and the node', async () => {
    api.put(claims, claim('a'));
    api.put(claims, claim('b', 'two'));
    await vi.waitUntil(() => volume('a') !== undefined);
    expect(volume('a')).toMatchObject({
      spec: {
        capacity: { storage: '2Gi' },
        claimRef: { name: 'a', namespace: 'shop', uid: 'uid-a' },
        persistentVolumeReclaimPolicy: 'Delete',
        local: { path: join(folder, 'pvc-uid-a_shop_a') },
        nodeAffinity: {
          required: {
            nodeSelectorTerms: [{ matchExpressions: [{ key: 'kubernetes.io/hostname', values: ['one'] }] }],
          },
        },
      },
    });
    expect((await stat(join(folder, 'pvc-uid-a_shop_a'))).mode & 0o777).toBe(0o777);
    expect(await readdir(folder)).toHaveLength(1);
    expect(volume('b')).toBeUndefined();
  });

  it('removes what is released, with its data, and keeps what is to be kept', async () => {
    api.put(claims, claim('a'));
    api.put(claims, claim('kept'));
    await vi.waitUntil(() => volume('a') && volume('kept'));
    await writeFile(join(folder, 'pvc-uid-a_shop_a/file'), 'data');
    const kept = volume('kept');
    api.put(volumes, {
      ...kept,
      spec: { ...kept?.spec, persistentVolumeReclaimPolicy: 'Retain' },
      status: { phase: 'Released' },
    } as VolumeObject);
    api.put(volumes, { ...volume('a'), status: { phase: 'Released' } } as VolumeObject);
    await vi.waitUntil(() => volume('a') === undefined);
    expect(await readdir(folder)).toEqual(['pvc-uid-kept_shop_kept']);
    // even when the object is deleted by hand
    api.remove(volumes, 'pvc-uid-kept');
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(await readdir(folder)).toEqual(['pvc-uid-kept_shop_kept']);
  });

  it('removes the data of a volume that is deleted by hand', async () => {
    api.put(claims, claim('a'));
    await vi.waitUntil(() => volume('a') !== undefined);
    api.remove(volumes, 'pvc-uid-a');
    await vi.waitUntil(async () => (await readdir(folder)).length === 0);
  });

  it('tries again until it succeeds', async () => {
    api.failWith(new Error('connect ECONNREFUSED'));
    api.put(claims, claim('a'));
    await vi.waitUntil(() => api.calls.filter((call) => call.startsWith('POST')).length > 1);
    api.failWith(undefined);
    await vi.waitUntil(() => volume('a') !== undefined);
  });

  it('serves classes that wait for nobody, when it is its turn', async () => {
    api.put(classes, immediate);
    api.put(nodes, nodeObject('one'));
    api.put(claims, unplaced('a'));
    await vi.waitUntil(() => volume('a') !== undefined);
    expect(directoryOf(volume('a') ?? {}, 'one', folder)).toBe(join(folder, 'pvc-uid-a_shop_a'));
    api.put(nodes, nodeObject('one', { unschedulable: true }));
    api.put(nodes, nodeObject('two'));
    api.put(claims, unplaced('b'));
    await vi.waitUntil(() => api.calls.filter((call) => call === `GET ${nodes}`).length > 1);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(volume('b')).toBeUndefined();
    expect(await readdir(folder)).toHaveLength(1);
  });

  it('leaves a volume to the node that was faster', async () => {
    api.put(classes, immediate);
    api.put(nodes, nodeObject('one'));
    const options = { node: 'two', folder, storageClass: immediate };
    api.put(volumes, volumeFor(unplaced('a'), options));
    api.put(claims, unplaced('a'));
    await vi.waitUntil(() => api.calls.includes(`GET ${volumes}/pvc-uid-a`));
    await vi.waitUntil(async () => (await readdir(folder)).length === 0);
    expect(directoryOf(volume('a') ?? {}, 'two', folder)).toBeDefined();
  });

  it('says when no node takes a volume', async () => {
    api.put(classes, immediate);
    api.put(nodes, nodeObject('one', { unschedulable: true }));
    api.put(claims, unplaced('a'));
    await vi.waitUntil(() => api.calls.includes('POST /api/v1/namespaces/shop/events'));
    expect(volume('a')).toBeUndefined();
  });

  it('says what it refuses', async () => {
    api.put(claims, claim('a', 'one', { accessModes: ['ReadWriteMany'] }));
    await vi.waitUntil(() => api.calls.includes('POST /api/v1/namespaces/shop/events'));
    expect(volume('a')).toBeUndefined();
    expect(await readdir(folder)).toEqual([]);
  });
});
