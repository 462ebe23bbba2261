/**
 * Volumes on this node: makes a directory and a PersistentVolume for each claim that the scheduler has sent here, or that
 * is placed here because its class does not wait for a pod, and removes both when the claim is gone. Each node's agent does so for its own node, so nobody needs to reach another
 * node's disk, and there is nobody to elect.
 */

import { execFile } from 'node:child_process';
import { chmod, mkdir, rename } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

import type { StorageConfig } from '../config.ts';
import { ApiError } from '../../clients/kubernetes/client.ts';
import type { KubernetesClient } from '../../clients/kubernetes/client.ts';
import { tellOf } from '../kubernetes/events.ts';
import type { EventText } from '../kubernetes/events.ts';
import { keepWatching } from '../kubernetes/keep-watching.ts';
import type {
  ClaimObject,
  ClassObject,
  KubernetesObject,
  NodeObject,
  VolumeObject,
} from '../../clients/kubernetes/objects.ts';
import { log, reasonOf } from '../log.ts';
import { placeOf } from './placement.ts';
import {
  directoryOf,
  isToBeDeleted,
  provisioner,
  refusal,
  volumeFor,
  wantsPlace,
  wantsVolume,
} from './volumes.ts';

const run = promisify(execFile);

const volumesPath = '/api/v1/persistentvolumes';

/** Milliseconds between two tries of the same thing. */
const shortest = 200;
const longest = 30_000;
/** Milliseconds until a claim that another node is to serve is looked at again: that node may be gone by then. */
const patience = 5000;

/** Works for as long as the process lives. Returns when everything that is there has been looked at. */
export async function runStorage(node: string, { folder }: StorageConfig, api: KubernetesClient): Promise<void> {
  const classes = new Map<string, ClassObject>();
  const claims = new Map<string, ClaimObject>();
  const volumes = new Map<string, VolumeObject>();
  const work = worker();
  const source = { component: provisioner, host: node };
  const tell = (
    claim: ClaimObject,
    type: EventText['type'],
    reason: string,
    message: string,
  ): Promise<void> =>
    tellOf(
      api,
      source,
      { apiVersion: 'v1', kind: 'PersistentVolumeClaim', ...claim },
      { type, reason, message },
    );

  const classOf = ({ spec }: ClaimObject): ClassObject | undefined =>
    classes.get(spec?.storageClassName ?? '');

  const provision = async (claim: ClaimObject): Promise<void> => {
    const refused = refusal(claim);
    if (refused !== undefined) {
      await tell(claim, 'Warning', 'ProvisioningFailed', refused);
      return;
    }
    const storageClass = classOf(claim);
    if (!storageClass) throw new Error(`there is no StorageClass ${claim.spec?.storageClassName ?? '""'}`);
    const volume = volumeFor(claim, { node, folder, storageClass });
    const name = volume.metadata?.name ?? '';
    const path = volume.spec?.local?.path ?? '';
    await mkdir(path, { recursive: true });
    // any user of the pod may write; mkdir alone is held back by the umask
    await chmod(path, 0o777);
    try {
      await api.create(volumesPath, volume);
    } catch (error) {
      if (!(error instanceof ApiError && error.status === 409)) throw error;
      // made by an earlier try, or by a node that saw other nodes ready than we did
      const made = await api.get<VolumeObject>(`${volumesPath}/${name}`);
      if (directoryOf(made, node, folder) === undefined) {
        await removeDirectory(path);
        return;
      }
    }
    log.info(`volume ${name} for ${nameOf(claim)}`);
    await tell(claim, 'Normal', 'ProvisioningSucceeded', `volume ${name}`);
  };

  const serve = async (name: string): Promise<void> => {
    let told = false;
    for (;;) {
      const claim = claims.get(name);
      if (!claim) return;
      if (wantsVolume(claim, node)) return provision(claim);
      const storageClass = classOf(claim);
      if (!storageClass || !wantsPlace(claim, storageClass)) return;
      const { items = [] } = await api.get<{ items?: NodeObject[] }>('/api/v1/nodes');
      const place = placeOf(claim, storageClass, items);
      if (place.node === node) return provision(claim);
      if (place.node === undefined && place.teller === node && !told) {
        await tell(claim, 'Warning', 'ProvisioningFailed', 'no node that takes pods is ready');
        told = true;
      }
      await sleep(patience);
    }
  };

  const remove = async (name: string): Promise<void> => {
    const volume = volumes.get(name);
    const path = volume && directoryOf(volume, node, folder);
    if (path === undefined || !isToBeDeleted(volume ?? {})) return;
    await removeDirectory(path);
    try {
      await api.delete(`${volumesPath}/${name}`);
    } catch (error) {
      if (!(error instanceof ApiError && error.status === 404)) throw error;
    }
    volumes.delete(name);
    log.info(`volume ${name} is removed`);
  };

  // claims name classes
  await keepWatching<ClassObject>(api, '/apis/storage.k8s.io/v1/storageclasses', {
    set: (storageClass) => {
      if (storageClass.provisioner === provisioner) {
        classes.set(storageClass.metadata?.name ?? '', storageClass);
      }
    },
    delete: ({ metadata }) => {
      classes.delete(metadata?.name ?? '');
    },
  });
  await Promise.all([
    keepWatching<ClaimObject>(api, '/api/v1/persistentvolumeclaims', {
      set: (claim) => {
        const name = nameOf(claim);
        if (wantsVolume(claim, node) || wantsPlace(claim, classOf(claim))) {
          claims.set(name, claim);
          work(`volume for ${name}`, () => serve(name));
        } else claims.delete(name);
      },
      delete: (claim) => {
        claims.delete(nameOf(claim));
      },
    }),
    keepWatching<VolumeObject>(api, volumesPath, {
      set: (volume) => {
        const name = volume.metadata?.name ?? '';
        if (directoryOf(volume, node, folder) === undefined) return;
        volumes.set(name, volume);
        if (isToBeDeleted(volume)) work(`removing volume ${name}`, () => remove(name));
      },
      delete: ({ metadata }) => {
        const name = metadata?.name ?? '';
        const volume = volumes.get(name);
        volumes.delete(name);
        const path = volume && directoryOf(volume, node, folder);
        // somebody deleted it before its claim: its data goes the same way
        if (path === undefined || volume?.spec?.persistentVolumeReclaimPolicy !== 'Delete') return;
        work(`removing ${path}`, () => removeDirectory(path));
      },
    }),
  ]);
}

/** Does each thing once at a time, until it succeeds. */
function worker(): (what: string, job: () => Promise<void>) => void {
  const running = new Map<string, 'once' | 'again'>();
  const start = async (what: string, job: () => Promise<void>): Promise<void> => {
    for (let wait = shortest; ; wait = Math.min(wait * 2, longest)) {
      try {
        await job();
        if (running.get(what) === 'once') break;
        running.set(what, 'once');
        wait = shortest / 2;
      } catch (error) {
        log.warning(`${what}: ${reasonOf(error)}`);
        await sleep(wait);
      }
    }
    running.delete(what);
  };
  return (what, job) => {
    if (running.has(what)) {
      running.set(what, 'again');
      return;
    }
    running.set(what, 'once');
    void start(what, job);
  };
}

/** Renamed first: half a directory must never be taken for a volume. */
async function removeDirectory(path: string): Promise<void> {
  const doomed = path.replace(/\/pvc-/, '/deleted-');
  try {
    await rename(path, doomed);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  // what a pod may have mounted in there is not part of it
  await run('rm', ['-rf', '--one-file-system', '--', doomed]);
}

function nameOf({ metadata }: KubernetesObject): string {
  return `${metadata?.namespace ?? ''}/${metadata?.name ?? ''}`;
}
