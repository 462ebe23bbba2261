import { ApiError, deleteIfThere } from '../../clients/kubernetes/client.ts';
import type { KubernetesClient } from '../../clients/kubernetes/client.ts';
import { keyOf } from '../../clients/kubernetes/objects.ts';
import type { ClaimObject, ListObject, NodeObject, VolumeObject } from '../../clients/kubernetes/objects.ts';
import { pause } from '../../poll.ts';
import { tellOf } from '../kubernetes/events.ts';
import type { EventText } from '../kubernetes/events.ts';
import { log } from '../log.ts';
import { makeDirectory, removeDirectory } from './directories.ts';
import { placeOf } from './placement.ts';
import { classOf } from './state.ts';
import type { StorageState, Work } from './state.ts';
import {
  directoryOf,
  isToBeDeleted,
  provisioner,
  refusal,
  volumeFor,
  wantsPlace,
  wantsVolume,
} from './volumes.ts';

const volumesPath = '/api/v1/persistentvolumes';

/** Milliseconds until a claim that another node is to serve is looked at again: that node may be gone by then. */
const patience = 5000;

/** Does one piece of work, as things are by now. @throws whatever goes wrong; to do it again is safe */
export function carryOut(api: KubernetesClient, state: StorageState, work: Work): Promise<void> {
  switch (work.type) {
    case 'serve':
      return serve(api, state, work.claim);
    case 'remove':
      return remove(api, state, work.volume);
    case 'removeDirectory':
      return removeDirectory(work.path);
  }
}

/** Makes the volume of a claim, if it is this node's to make, for as long as the claim waits for one. */
async function serve(api: KubernetesClient, state: StorageState, name: string): Promise<void> {
  const { node } = state;
  let told = false;
  for (;;) {
    const claim = state.claims.get(name);
    if (!claim) return;
    if (wantsVolume(claim, node)) return provision(api, state, claim);
    const storageClass = classOf(state, claim);
    if (!storageClass || !wantsPlace(claim, storageClass)) return;
    const { items = [] } = await api.get<ListObject<NodeObject>>('/api/v1/nodes');
    const place = placeOf(claim, storageClass, items);
    if (place.node === node) return provision(api, state, claim);
    if (place.node === undefined && place.teller === node && !told) {
      await tell(api, node, claim, failed('no node that takes pods is ready'));
      told = true;
    }
    await pause(patience);
  }
}

async function provision(api: KubernetesClient, state: StorageState, claim: ClaimObject): Promise<void> {
  const { node, folder } = state;
  const refused = refusal(claim);
  if (refused !== undefined) {
    await tell(api, node, claim, failed(refused));
    return;
  }
  const storageClass = classOf(state, claim);
  if (!storageClass) throw new Error(`there is no StorageClass ${claim.spec?.storageClassName ?? '""'}`);
  const volume = volumeFor(claim, { node, folder, storageClass });
  const name = volume.metadata?.name ?? '';
  const path = volume.spec?.local?.path ?? '';
  await makeDirectory(path);
  try {
    await api.create(volumesPath, volume);
  } catch (error) {
    if (!(error instanceof ApiError && error.status === 409)) throw error;
    // made by an earlier try, or by another node, which saw other nodes ready than this one did
    const made = await api.get<VolumeObject>(`${volumesPath}/${name}`);
    if (directoryOf(made, node, folder) === undefined) {
      await removeDirectory(path);
      return;
    }
  }
  log.info(`volume ${name} for ${keyOf(claim)}`);
  await tell(api, node, claim, {
    ...{ type: 'Normal', reason: 'ProvisioningSucceeded' },
    message: `volume ${name}`,
  });
}

async function remove(
  api: KubernetesClient,
  { volumes, node, folder }: StorageState,
  name: string,
): Promise<void> {
  const volume = volumes.get(name);
  const path = volume && directoryOf(volume, node, folder);
  if (path === undefined || !isToBeDeleted(volume ?? {})) return;
  await removeDirectory(path);
  await deleteIfThere(api, `${volumesPath}/${name}`);
  volumes.delete(name);
  log.info(`volume ${name} is removed`);
}

function failed(message: string): EventText {
  return { type: 'Warning', reason: 'ProvisioningFailed', message };
}

function tell(api: KubernetesClient, node: string, claim: ClaimObject, event: EventText): Promise<void> {
  const object = { apiVersion: 'v1', kind: 'PersistentVolumeClaim', ...claim };
  return tellOf(api, { component: provisioner, host: node }, object, event);
}
