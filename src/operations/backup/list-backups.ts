import { openPlace } from '../../artifacts/backup/places/open.ts';
import { parseBackupName } from '../../formats/backup/names.ts';
import { openSession } from '../session.ts';
import type { Context } from '../types.ts';

export interface BackupSummary {
  file: string;
  cluster: string;
  /** ISO 8601. */
  taken: string;
  /** Bytes. */
  size: number;
  encrypted: boolean;
}

export interface ListBackupsOptions extends Context {
  /** Folder, ssh://HOST/FOLDER or s3://BUCKET/PREFIX. */
  from: string;
  /** Only of this cluster. */
  name?: string;
}

/** The backups in a place, by their names, the newest first. @throws InputError for a place that is none */
export async function listBackups({ from, name, ...context }: ListBackupsOptions): Promise<BackupSummary[]> {
  const place = openPlace(from, '--from', openSession(context).workstation);
  return (await place.list())
    .flatMap(({ name: file, size }) => {
      const parsed = parseBackupName(file);
      return parsed && (name === undefined || parsed.cluster === name) ? [{ file, size, ...parsed }] : [];
    })
    .sort((a, b) => (a.taken < b.taken ? 1 : -1));
}
