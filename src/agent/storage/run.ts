/**
 * Volumes on this node: makes a directory and a PersistentVolume for each claim that the scheduler has sent here, or that
 * is placed here because its class does not wait for a pod, and removes both when the claim is gone. Each node's agent
 * does so for its own node, so no agent needs to reach another node's disk, and none has to be elected.
 */

import type { KubernetesClient } from '../../clients/kubernetes/client.ts';
import type { ClaimObject, ClassObject, VolumeObject } from '../../clients/kubernetes/objects.ts';
import type { StorageConfig } from '../config.ts';
import { keepWatching } from '../kubernetes/keep-watching.ts';
import { carryOut } from './carry-out.ts';
import {
  deleteClaim,
  deleteClass,
  deleteVolume,
  describeWork,
  emptyState,
  setClaim,
  setClass,
  setVolume,
} from './state.ts';
import type { Work } from './state.ts';
import { workQueue } from './work-queue.ts';

/** Works for as long as the process lives. Returns when everything that is there has been looked at. */
export async function runStorage(
  node: string,
  { folder }: StorageConfig,
  api: KubernetesClient,
): Promise<void> {
  const state = emptyState(node, folder);
  const queue = workQueue();
  const begin = (work: Work | undefined): void => {
    if (work) queue(describeWork(work), () => carryOut(api, state, work));
  };
  // classes first: whether a claim is served depends on its class
  await keepWatching<ClassObject>(api, '/apis/storage.k8s.io/v1/storageclasses', {
    set: (storageClass) => {
      setClass(state, storageClass);
    },
    delete: (storageClass) => {
      deleteClass(state, storageClass);
    },
  });
  await Promise.all([
    keepWatching<ClaimObject>(api, '/api/v1/persistentvolumeclaims', {
      set: (claim) => {
        begin(setClaim(state, claim));
      },
      delete: (claim) => {
        deleteClaim(state, claim);
      },
    }),
    keepWatching<VolumeObject>(api, '/api/v1/persistentvolumes', {
      set: (volume) => {
        begin(setVolume(state, volume));
      },
      delete: (volume) => {
        begin(deleteVolume(state, volume));
      },
    }),
  ]);
}
