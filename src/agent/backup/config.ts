import type { AboutBackup } from '../../formats/backup/contents.ts';

/** What a control plane needs to know to make backups of its cluster. */
export interface BackupConfig {
  /** Of its own member of etcd. */
  endpoint: string;
  /** Folder with keys and certificates. */
  pki: string;
  /** Where the machine sees the folder for backups. */
  folder: string;
  /** Seconds. */
  every: number;
  keep: number;
  /** What does not change from backup to backup. */
  about: Omit<AboutBackup, 'taken' | 'etcd'>;
  /** What spec.json has: the format of records and the spec. */
  spec: { version: number; spec: unknown };
}
