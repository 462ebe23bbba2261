import { randomBytes } from 'node:crypto';

import { runStep } from '../../apply/runner.ts';
import { listLayers } from '../../artifacts/layer-info.ts';
import { KnestError } from '../../errors.ts';
import type { AboutBackup } from '../../formats/backup/contents.ts';
import { snapshotProgram } from '../etcd-snapshot/restore.ts';
import { withThrowAwayEtcd } from '../etcd-snapshot/throw-away.ts';
import { openSession } from '../session.ts';
import type { Session } from '../session.ts';
import type { Context } from '../types.ts';
import { openBackup } from './open-backup.ts';
import type { BackupSource } from './open-backup.ts';

export interface VerifyResult {
  file: string;
  about: AboutBackup;
  /** Keys that etcd has when it is started on the snapshot. */
  keys: number;
  /** Of them objects of Kubernetes, by the beginning of their keys: { "pods": 12 }. */
  kinds: Readonly<Record<string, number>>;
  seconds: number;
}

/**
 * Reads all of a backup, starts an etcd on its snapshot, and counts: as many keys must be there as when it was taken. Works
 * without the cluster, on any host with the layers of one; touches no cluster.
 * @throws KnestError when it is damaged or cannot be decrypted, or has not the keys that it should have
 */
export async function verifyBackup(options: Context & BackupSource): Promise<VerifyResult> {
  const started = performance.now();
  const session = openSession(options);
  const { host, paths, listener, signal } = session;
  const scratch = `${paths.state}/verify-${randomBytes(4).toString('hex')}`;
  try {
    await host.makeDirectory(scratch, 0o700);
    const snapshot = `${scratch}/etcd.db`;
    const { about } = await runStep(
      { id: 'backup/read', title: `Read ${options.file}`, run: () => openBackup(session, options, snapshot) },
      listener,
      signal,
    );
    const counted = await runStep(
      {
        id: 'backup/check',
        title: 'Start an etcd on it and count its keys',
        run: ({ signal: own }) => count(session, about, snapshot, `${scratch}/etcd`, own),
      },
      listener,
      signal,
    );
    return { file: options.file, about, ...counted, seconds: (performance.now() - started) / 1000 };
  } finally {
    await host.remove(scratch);
  }
}

async function count(
  session: Session,
  { etcd }: AboutBackup,
  snapshot: string,
  scratch: string,
  signal: AbortSignal,
): Promise<Pick<VerifyResult, 'keys' | 'kinds'>> {
  const { host, paths } = session;
  const on = { host, paths, signal };
  const machine = await layersWithEtcd(on);
  return withThrowAwayEtcd(on, machine, snapshot, scratch, async ({ client, endpoint }) => {
    const then = await client.count(endpoint, { revision: etcd.revision });
    if (then.keys !== etcd.keys) {
      throw new KnestError(
        `the snapshot has ${then.keys} keys at revision ${etcd.revision}, and ${etcd.keys} were there when it was taken`,
        { code: 'BACKUP_UNUSABLE', hint: 'use another backup, and take a new one' },
      );
    }
    const { keys } = await client.count(endpoint);
    const kinds: Record<string, number> = {};
    for await (const { key } of client.keys('/registry/')) {
      const [kind = ''] = key.slice('/registry/'.length).split('/');
      kinds[kind] = (kinds[kind] ?? 0) + 1;
    }
    return { keys, kinds };
  });
}

/** Any Debian system of nodes will do whose etcd can read the snapshot; the newest one first. */
async function layersWithEtcd(
  on: Parameters<typeof snapshotProgram>[0],
): Promise<{ layers: readonly string[] }> {
  const rootfs = (await listLayers(on.paths, on.host)).filter(({ kind }) => kind === 'rootfs');
  for (const { id } of rootfs) {
    const machine = { layers: [id] };
    if (
      await snapshotProgram(on, machine).then(
        () => true,
        () => false,
      )
    )
      return machine;
  }
  throw new KnestError('no system of nodes with etcdctl is in the cache, which a check of a backup needs', {
    code: 'LAYER_UNUSABLE',
    hint: 'make one: knest build image',
  });
}
