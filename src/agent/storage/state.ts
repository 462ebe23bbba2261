/** What this node knows of claims and volumes, and the work that follows from each change. Nothing here does any of it. */

import { keyOf } from '../../clients/kubernetes/objects.ts';
import type {
  ClaimObject,
  ClassObject,
  KubernetesObject,
  VolumeObject,
} from '../../clients/kubernetes/objects.ts';
import { directoryOf, isToBeDeleted, provisioner, wantsPlace, wantsVolume } from './volumes.ts';

export interface StorageState {
  /** Name of this node. */
  readonly node: string;
  /** Folder of its volumes. */
  readonly folder: string;
  /** Those of this provisioner, by name. */
  readonly classes: Map<string, ClassObject>;
  /** Those that wait for a volume, here or on a node that is still to be chosen. NAMESPACE/NAME */
  readonly claims: Map<string, ClaimObject>;
  /** Those of this node, by name. */
  readonly volumes: Map<string, VolumeObject>;
}

/** A piece of work. It looks at the state when its turn comes, and may then find nothing left to do. */
export type Work =
  | { type: 'serve'; claim: string }
  | { type: 'remove'; volume: string }
  | { type: 'removeDirectory'; path: string };

export function emptyState(node: string, folder: string): StorageState {
  return { node, folder, classes: new Map(), claims: new Map(), volumes: new Map() };
}

export function classOf({ classes }: StorageState, { spec }: ClaimObject): ClassObject | undefined {
  return classes.get(spec?.storageClassName ?? '');
}

export function setClass({ classes }: StorageState, storageClass: ClassObject): void {
  if (storageClass.provisioner === provisioner) classes.set(storageClass.metadata?.name ?? '', storageClass);
}

export function deleteClass({ classes }: StorageState, { metadata }: KubernetesObject): void {
  classes.delete(metadata?.name ?? '');
}

export function setClaim(state: StorageState, claim: ClaimObject): Work | undefined {
  const name = keyOf(claim);
  if (!wantsVolume(claim, state.node) && !wantsPlace(claim, classOf(state, claim))) {
    state.claims.delete(name);
    return undefined;
  }
  state.claims.set(name, claim);
  return { type: 'serve', claim: name };
}

export function deleteClaim({ claims }: StorageState, claim: KubernetesObject): void {
  claims.delete(keyOf(claim));
}

export function setVolume({ volumes, node, folder }: StorageState, volume: VolumeObject): Work | undefined {
  const name = volume.metadata?.name ?? '';
  if (directoryOf(volume, node, folder) === undefined) return undefined;
  volumes.set(name, volume);
  return isToBeDeleted(volume) ? { type: 'remove', volume: name } : undefined;
}

/** One that somebody deletes before its claim: its data goes the same way. */
export function deleteVolume(
  { volumes, node, folder }: StorageState,
  { metadata }: KubernetesObject,
): Work | undefined {
  const name = metadata?.name ?? '';
  const volume = volumes.get(name);
  volumes.delete(name);
  const path = volume && directoryOf(volume, node, folder);
  if (path === undefined || volume?.spec?.persistentVolumeReclaimPolicy !== 'Delete') return undefined;
  return { type: 'removeDirectory', path };
}

/** For the log, and to know the same work when it is asked for again. */
export function describeWork(work: Work): string {
  switch (work.type) {
    case 'serve':
      return `volume for ${work.claim}`;
    case 'remove':
      return `removing volume ${work.volume}`;
    case 'removeDirectory':
      return `removing ${work.path}`;
  }
}
