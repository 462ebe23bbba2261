import { text } from 'node:stream/consumers';

import { runStep } from '../../apply/runner.ts';
import { encrypt, isEncryption } from '../../artifacts/backup/encryption.ts';
import type { Encryption } from '../../artifacts/backup/encryption.ts';
import { openPlace } from '../../artifacts/backup/places/open.ts';
import { KnestError, tail } from '../../errors.ts';
import { backupFormat, memberNames } from '../../formats/backup/contents.ts';
import type { AboutBackup } from '../../formats/backup/contents.ts';
import { backupName } from '../../formats/backup/names.ts';
import { packBackup } from '../../formats/backup/pack.ts';
import type { BackupMember } from '../../formats/backup/pack.ts';
import type { Host } from '../../host/types.ts';
import { volumesFolder } from '../../plan/components/knest-agent.ts';
import type { MachinePlan } from '../../plan/types.ts';
import { clusterFolder } from '../../state/clusters.ts';
import { recordVersion } from '../../state/record-file.ts';
import { plainPackCommand } from '../../tools/tar.ts';
import { saveEtcdSnapshot } from '../etcd-snapshot/save.ts';
import type { EtcdSnapshot } from '../etcd-snapshot/save.ts';
import { withLockedCluster } from '../start-stop/locked-cluster.ts';
import type { LockedCluster } from '../start-stop/locked-cluster.ts';
import type { Context } from '../types.ts';

export interface CreateBackupOptions extends Context {
  /** The cluster's. */
  name: string;
  /** Folder, ssh://HOST/FOLDER or s3://BUCKET/PREFIX. */
  to: string;
  /** With the data of volumes of the default class. */
  volumes?: boolean;
  encryption?: Encryption;
  /** Version of this knest. */
  knest: string;
}

export interface BackupResult {
  /** The cluster's. */
  name: string;
  /** The place, and the name of the file there. */
  place: string;
  file: string;
  /** Bytes. */
  size: number;
  encrypted: boolean;
  about: AboutBackup;
  seconds: number;
}

/**
 * Writes one file with all that it takes to make the cluster again: config, keys, and a snapshot of etcd, which holds every
 * object; with `volumes` the data of volumes as well. The cluster goes on meanwhile.
 * @throws InputError for a place or a key that is none; KnestError when etcd does not answer, or nothing can be written
 */
export async function createBackup(options: CreateBackupOptions): Promise<BackupResult> {
  const started = performance.now();
  let result: BackupResult | undefined;
  await withLockedCluster(options, options.name, async (cluster) => {
    result = { ...(await backUp(cluster, options)), seconds: (performance.now() - started) / 1000 };
  });
  if (!result) throw new Error('no backup was made');
  return result;
}

async function backUp(
  cluster: LockedCluster,
  options: CreateBackupOptions,
): Promise<Omit<BackupResult, 'seconds'>> {
  const { session, plan, material, created } = cluster;
  const { host, paths, workstation, listener, signal } = session;
  const { to, volumes = false, encryption = {}, knest } = options;
  if (created === undefined) {
    throw new KnestError(`creating cluster "${plan.cluster}" did not finish`, {
      code: 'CLUSTER_INCOMPLETE',
      hint: 'finish it with the same knest create cluster, then back it up',
    });
  }
  const place = openPlace(to, '--to', workstation);
  const scratch = `${clusterFolder(paths, plan.cluster)}/backup`;
  try {
    await host.makeDirectory(scratch, 0o700);
    const snapshot = await runStep(
      {
        id: 'backup/etcd',
        title: 'Snapshot of etcd',
        run: ({ progress, signal: own }) =>
          saveEtcdSnapshot({
            ...{ host, machines: plan.machines, material },
            ...{ file: `${scratch}/etcd.db`, progress, signal: own },
          }),
      },
      listener,
      signal,
    );
    if (!snapshot.complete) {
      const message = 'etcd has no quorum: what the members that do not answer know is not in the backup';
      listener({ type: 'note', level: 'warning', message });
    }
    const about = aboutOf(cluster, snapshot, { knest, volumes });
    const encrypted = isEncryption(encryption);
    const file = backupName({ cluster: plan.cluster, taken: snapshot.taken, encrypted });
    const size = await runStep(
      {
        id: 'backup/file',
        title: `Backup ${place.name}/${file}`,
        run: async ({ signal: own }) => {
          const plain = packBackup(membersOf(cluster, snapshot, about), new Date(snapshot.taken));
          return place.write(file, encrypted ? await encrypt(plain, encryption) : plain, own);
        },
      },
      listener,
      signal,
    );
    return { name: plan.cluster, place: place.name, file, size, encrypted, about };
  } finally {
    await host.remove(scratch);
  }
}

function aboutOf(
  { plan }: LockedCluster,
  { taken, etcdVersion, count, complete }: EtcdSnapshot,
  { knest, volumes }: { knest: string; volumes: boolean },
): AboutBackup {
  const { podSubnets, serviceSubnets } = plan.network;
  return {
    ...{ format: backupFormat, knest, cluster: plan.cluster, taken },
    kubernetesVersion: plan.kubernetesVersion,
    etcd: { version: etcdVersion, ...count, complete },
    network: { podSubnets, serviceSubnets },
    nodes: plan.machines.map(({ name, role }) => ({ name, role })),
    ...(volumes ? { volumes: plan.machines.map(({ name }) => name) } : {}),
  };
}

async function* membersOf(
  { session, plan, spec, material }: LockedCluster,
  { file, size }: EtcdSnapshot,
  about: AboutBackup,
): AsyncGenerator<BackupMember> {
  const { host } = session;
  const json = (value: unknown): Buffer => Buffer.from(`${JSON.stringify(value, undefined, 2)}\n`);
  yield { name: memberNames.about, content: json(about) };
  yield { name: memberNames.spec, content: json({ version: recordVersion, spec }) };
  yield { name: memberNames.plan, content: json(plan) };
  const keys = [...material].filter(([name]) => /\.(crt|key|pub)$/.test(name)).sort();
  for (const [name, content] of keys) yield { name: memberNames.pki(name), content: Buffer.from(content) };
  yield { name: memberNames.etcd, content: { size, stream: host.readStream(file) } };
  for (const machine of plan.machines.filter(({ name }) => about.volumes?.includes(name)))
    yield* volumesOf(host, machine);
}

/** Bytes of a piece: archives need to know sizes beforehand, and nobody knows how much there will be. */
const pieceSize = 8 * 1024 * 1024;

/** Where a machine's volumes of the default class are on the host. */
export function volumesOnHost({ binds, folder }: Pick<MachinePlan, 'binds' | 'folder'>): string {
  return binds.find(({ target }) => target === volumesFolder)?.source ?? `${folder}/data/knest-volumes`;
}

async function* volumesOf(host: Host, machine: MachinePlan): AsyncGenerator<BackupMember> {
  const process = await host.spawn(plainPackCommand(volumesOnHost(machine)));
  process.stdin.end();
  const complaints = text(process.stderr);
  let piece = 0;
  let held: Buffer[] = [];
  let size = 0;
  const member = (content: Buffer): BackupMember => ({
    name: memberNames.volume(machine.name, piece++),
    content,
  });
  for await (const chunk of process.stdout as AsyncIterable<Buffer>) {
    held.push(chunk);
    size += chunk.byteLength;
    if (size < pieceSize) continue;
    yield member(Buffer.concat(held));
    held = [];
    size = 0;
  }
  if (size > 0) yield member(Buffer.concat(held));
  const exitCode = await process.exited;
  // 1: files changed while they were read, as they do in volumes that are in use
  if (exitCode <= 1) return;
  throw new KnestError(`the volumes of ${machine.name} could not be read`, {
    code: 'COMMAND_FAILED',
    details: tail(await complaints, 5),
    hint: 'run the same command again, or leave out --volumes',
  });
}
