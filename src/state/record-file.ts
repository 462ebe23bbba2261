/** Files of a cluster's record: JSON that says its format's version. */

import { KnestError, messageOf } from '../errors.ts';
import type { Host } from '../host/types.ts';

/** Of every file of a record, and of the plans in them. */
export const recordVersion = 3;

/** A file of a record that is not what knest wrote: cut off, edited, a folder in its place. */
export class DamagedRecord extends KnestError {
  constructor(cluster: string, path: string, why: string, cause?: unknown) {
    super(`the record of cluster "${cluster}" is damaged: ${path} ${why}`, {
      code: 'RECORD_DAMAGED',
      hint: `put the file back as it was, or delete what is left of the cluster: knest delete cluster --name ${cluster}`,
      ...(cause === undefined ? {} : { cause }),
    });
  }
}

/** Writes a record so that it is whole or absent, also after a power cut. All records are written here. */
export async function writeRecord(host: Host, path: string, value: unknown): Promise<void> {
  await host.writeFile(path, `${JSON.stringify(value, undefined, 2)}\n`, 0o600, { sync: true });
}

/** @returns undefined when there is no such file @throws DamagedRecord when it is no JSON, or no file */
export async function readRecord(host: Host, cluster: string, path: string): Promise<unknown> {
  const text = await host.readFile(path).catch((error: unknown) => {
    throw new DamagedRecord(cluster, path, `cannot be read (${messageOf(error)})`, error);
  });
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new DamagedRecord(cluster, path, 'is no JSON (cut off?)', error);
  }
}

/** Refuses a record of a newer knest: this one would understand only part of it. @throws KnestError */
export function refuseNewer(cluster: string, path: string, version: number): void {
  if (Number.isNaN(version)) throw new DamagedRecord(cluster, path, 'says a version that is no number');
  if (version <= recordVersion) return;
  throw new KnestError(
    `cluster "${cluster}" was made, or changed, by a newer knest: ${path} has format ${version}, this knest knows ` +
      String(recordVersion),
    { code: 'RECORD_TOO_NEW', hint: 'use that newer knest, also to delete the cluster' },
  );
}
