/** What becomes of claims and volumes, as decisions without any doing. */

import { join } from 'node:path';

import type { ClaimObject, ClassObject, VolumeObject } from '../../clients/kubernetes/objects.ts';

export const provisioner = 'knest.dev/local-path';

/** Annotations of Kubernetes' own (kubernetes.io: "Well-Known Labels, Annotations and Taints"). */
const selectedNode = 'volume.kubernetes.io/selected-node';
const provisionerOfClaim = [
  'volume.kubernetes.io/storage-provisioner',
  // until 1.22
  'volume.beta.kubernetes.io/storage-provisioner',
];
const provisionedBy = 'pv.kubernetes.io/provisioned-by';
const hostname = 'kubernetes.io/hostname';

/**
 * Whether a claim waits for a volume on this node. The scheduler has chosen the node for the first pod that wants it
 * (WaitForFirstConsumer).
 */
export function wantsVolume(claim: ClaimObject, node: string): boolean {
  return waits(claim) && claim.metadata?.annotations?.[selectedNode] === node;
}

/** Whether a claim waits for a volume, and nobody chooses a node for it: its class does not wait for a pod. */
export function wantsPlace(claim: ClaimObject, storageClass: ClassObject | undefined): boolean {
  const immediate = storageClass !== undefined && storageClass.volumeBindingMode !== 'WaitForFirstConsumer';
  return immediate && waits(claim) && claim.metadata?.annotations?.[selectedNode] === undefined;
}

function waits({ metadata, spec, status }: ClaimObject): boolean {
  const annotations = metadata?.annotations ?? {};
  return (
    provisionerOfClaim.some((name) => annotations[name] === provisioner) &&
    !spec?.volumeName &&
    metadata?.deletionTimestamp === undefined &&
    status?.phase !== 'Bound'
  );
}

/** Why a claim can't have one of these volumes; undefined: it can. */
export function refusal({ spec }: ClaimObject): string | undefined {
  // ReadWriteOncePod since 1.22
  const shared = spec?.accessModes?.find((mode) => !['ReadWriteOnce', 'ReadWriteOncePod'].includes(mode));
  if (shared !== undefined) return `a directory of one node cannot be ${shared}: ask for ReadWriteOnce`;
  if (spec?.volumeMode === 'Block') return 'a directory is no block device: volumeMode Filesystem';
  if (spec?.selector !== undefined) return 'volumes are made anew: there is none that a selector could find';
  if (spec?.dataSource) return 'volumes are made empty: dataSource cannot be fulfilled';
  return undefined;
}

/** The volume for a claim: a directory of this node. */
export function volumeFor(
  claim: ClaimObject,
  { node, folder, storageClass }: { node: string; folder: string; storageClass: ClassObject },
): VolumeObject {
  const { name = '', namespace = '', uid = '', resourceVersion = '' } = claim.metadata ?? {};
  // named after the claim: a second try finds the volume that the first has made
  const volume = `pvc-${uid}`;
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name: volume, annotations: { [provisionedBy]: provisioner } },
    spec: {
      accessModes: claim.spec?.accessModes ?? ['ReadWriteOnce'],
      // a claim's size is not enforced: all volumes share the node's disk
      capacity: { storage: claim.spec?.resources?.requests?.['storage'] ?? '1Gi' },
      claimRef: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', name, namespace, uid, resourceVersion },
      persistentVolumeReclaimPolicy: storageClass.reclaimPolicy ?? 'Delete',
      storageClassName: storageClass.metadata?.name ?? '',
      volumeMode: 'Filesystem',
      local: { path: join(folder, `${volume}_${namespace}_${name}`) },
      nodeAffinity: {
        required: {
          nodeSelectorTerms: [{ matchExpressions: [{ key: hostname, operator: 'In', values: [node] }] }],
        },
      },
    },
  };
}

/** The directory of a volume that was made here by this provisioner, in the folder where it makes them. */
export function directoryOf(volume: VolumeObject, node: string, folder: string): string | undefined {
  const { metadata, spec } = volume;
  if (metadata?.annotations?.[provisionedBy] !== provisioner) return undefined;
  const terms = spec?.nodeAffinity?.required?.nodeSelectorTerms ?? [];
  const here = terms.some(({ matchExpressions = [] }) =>
    matchExpressions.some(({ key, values }) => key === hostname && values?.includes(node)),
  );
  const path = spec?.local?.path;
  // somebody who may write volumes must not be able to have other directories removed
  if (!here || path === undefined || join(folder, path.slice(folder.length)) !== path) return undefined;
  return /^\/pvc-[^/]+$/.test(path.slice(folder.length)) && path.startsWith(folder) ? path : undefined;
}

/** Whether its claim is gone and its data is to go as well. */
export function isToBeDeleted({ spec, status }: VolumeObject): boolean {
  return status?.phase === 'Released' && spec?.persistentVolumeReclaimPolicy === 'Delete';
}
