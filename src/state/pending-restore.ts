/**
 * That etcd's data is being brought back: <cluster>/restore.json, there from before the first control plane stops until all
 * of them run on it. Whoever finds it must finish that before any machine of the cluster starts: programs and data would
 * not go together.
 */

import * as z from 'zod';

import type { Host } from '../host/types.ts';
import type { Paths } from '../plan/types.ts';
import { versionOf } from './applied.ts';
import { clusterFolder } from './clusters.ts';
import { DamagedRecord, readRecord, recordVersion, refuseNewer, writeRecord } from './record-file.ts';

export interface PendingRestore {
  /** Number of the generation whose data it is. */
  generation: number;
  /** begun: the data of control planes may be old, new or partly made. restored: all of it is the generation's. */
  phase: 'begun' | 'restored';
}

const schema = z.looseObject({ generation: z.number(), phase: z.enum(['begun', 'restored']) });

function fileOf(paths: Paths, cluster: string): string {
  return `${clusterFolder(paths, cluster)}/restore.json`;
}

/** @throws DamagedRecord; KnestError when a newer knest wrote it */
export async function readPendingRestore(
  host: Host,
  paths: Paths,
  cluster: string,
): Promise<PendingRestore | undefined> {
  const path = fileOf(paths, cluster);
  const value = await readRecord(host, cluster, path);
  if (value === undefined) return undefined;
  refuseNewer(cluster, path, versionOf(value));
  const checked = schema.safeParse(value);
  if (!checked.success) throw new DamagedRecord(cluster, path, 'is not as knest wrote it');
  return { generation: checked.data.generation, phase: checked.data.phase };
}

export async function writePendingRestore(
  host: Host,
  paths: Paths,
  cluster: string,
  pending: PendingRestore,
): Promise<void> {
  await writeRecord(host, fileOf(paths, cluster), { version: recordVersion, ...pending });
}

export async function removePendingRestore(host: Host, paths: Paths, cluster: string): Promise<void> {
  await host.remove(fileOf(paths, cluster));
}
