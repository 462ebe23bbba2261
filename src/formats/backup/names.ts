/** How backups are called: what is in a folder or a bucket is known without opening it. */

export interface BackupName {
  cluster: string;
  /** ISO 8601, whole seconds. */
  taken: string;
  encrypted: boolean;
}

/** lab-20261127T112233Z.tar.gz, with .age behind where it is encrypted. */
export function backupName({ cluster, taken, encrypted }: BackupName): string {
  const time = taken.replace(/\.\d+(?=Z$)/, '').replaceAll(/[-:]/g, '');
  return `${cluster}-${time}.tar.gz${encrypted ? '.age' : ''}`;
}

/** @returns undefined: it is not called as backups are */
export function parseBackupName(file: string): BackupName | undefined {
  const match = /^(.+)-(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z\.tar\.gz(\.age)?$/.exec(file);
  if (!match) return undefined;
  const [, cluster = '', year, month, day, hour, minute, second, age] = match;
  const taken = `${year ?? ''}-${month ?? ''}-${day ?? ''}T${hour ?? ''}:${minute ?? ''}:${second ?? ''}Z`;
  if (Number.isNaN(Date.parse(taken))) return undefined;
  return { cluster, taken, encrypted: age !== undefined };
}
