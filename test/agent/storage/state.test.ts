import { describe, expect, it } from 'vitest';

import {
  deleteClaim,
  deleteClass,
  deleteVolume,
  describeWork,
  emptyState,
  setClaim,
  setClass,
  setVolume,
} from '../../../src/agent/storage/state.ts';
import type { StorageState } from '../../../src/agent/storage/state.ts';
import { volumeFor } from '../../../src/agent/storage/volumes.ts';
import type { ClaimObject, VolumeObject } from '../../../src/clients/kubernetes/objects.ts';

const provisioner = 'knest.dev/local-path';
const folder = '/volumes';

function claim(node: string | undefined, storageClassName = 'standard', phase = 'Pending'): ClaimObject {
  return {
    metadata: {
      ...{ name: 'data', namespace: 'shop', uid: 'u1' },
      annotations: {
        'volume.kubernetes.io/storage-provisioner': provisioner,
        ...(node === undefined ? {} : { 'volume.kubernetes.io/selected-node': node }),
      },
    },
    spec: { storageClassName },
    status: { phase },
  };
}

function state(): StorageState {
  const made = emptyState('one', folder);
  const standard = { provisioner, volumeBindingMode: 'WaitForFirstConsumer' };
  setClass(made, { ...standard, metadata: { name: 'standard' } });
  setClass(made, { provisioner, volumeBindingMode: 'Immediate', metadata: { name: 'immediate' } });
  setClass(made, { provisioner: 'rancher.io/local-path', metadata: { name: 'other' } });
  return made;
}

function volume(phase: string, node = 'one', reclaimPolicy = 'Delete'): VolumeObject {
  return { ...volumeFor(claim(node), { node, folder, storageClass: { reclaimPolicy } }), status: { phase } };
}

it('knows the classes of its own provisioner', () => {
  const known = state();
  expect([...known.classes.keys()]).toEqual(['standard', 'immediate']);
  deleteClass(known, { metadata: { name: 'standard' } });
  expect([...known.classes.keys()]).toEqual(['immediate']);
});

describe('a claim', () => {
  it.each([
    ['that waits for this node', claim('one'), true],
    ['that waits for another node', claim('two'), false],
    ['that waits for its first pod', claim(undefined), false],
    ['that waits for nobody', claim(undefined, 'immediate'), true],
    ['that has its volume', claim('one', 'standard', 'Bound'), false],
    ['of another provisioner', claim(undefined, 'other'), false],
  ])('%s', (_, object, isServed) => {
    const known = state();
    const work = setClaim(known, object);
    expect(work).toEqual(isServed ? { type: 'serve', claim: 'shop/data' } : undefined);
    expect(known.claims.has('shop/data')).toBe(isServed);
  });

  it('is forgotten when it waits no longer, and when it is gone', () => {
    const known = state();
    setClaim(known, claim('one'));
    setClaim(known, claim('one', 'standard', 'Bound'));
    expect(known.claims.size).toBe(0);
    setClaim(known, claim('one'));
    deleteClaim(known, { metadata: { name: 'data', namespace: 'shop' } });
    expect(known.claims.size).toBe(0);
  });
});

describe('a volume', () => {
  const path = `${folder}/pvc-u1_shop_data`;

  it('is removed once its claim is gone, if it is not to be kept', () => {
    expect(setVolume(state(), volume('Bound'))).toBeUndefined();
    expect(setVolume(state(), volume('Released'))).toEqual({ type: 'remove', volume: 'pvc-u1' });
    expect(setVolume(state(), volume('Released', 'one', 'Retain'))).toBeUndefined();
  });

  it('of another node is no business of this one', () => {
    const known = state();
    expect(setVolume(known, volume('Released', 'two'))).toBeUndefined();
    expect(known.volumes.size).toBe(0);
  });

  it('that somebody deletes takes its data along, if that is not to be kept', () => {
    const gone = { metadata: { name: 'pvc-u1' } };
    const known = state();
    setVolume(known, volume('Bound'));
    expect(deleteVolume(known, gone)).toEqual({ type: 'removeDirectory', path });
    // told once
    expect(deleteVolume(known, gone)).toBeUndefined();
    setVolume(known, volume('Bound', 'one', 'Retain'));
    expect(deleteVolume(known, gone)).toBeUndefined();
  });
});

it.each([
  [{ type: 'serve', claim: 'shop/data' } as const, 'volume for shop/data'],
  [{ type: 'remove', volume: 'pvc-1' } as const, 'removing volume pvc-1'],
  [{ type: 'removeDirectory', path: '/volumes/pvc-1' } as const, 'removing /volumes/pvc-1'],
])('%j is %s', (work, words) => {
  expect(describeWork(work)).toBe(words);
});
