import type { Readable } from 'node:stream';

export interface StoredFile {
  name: string;
  /** Bytes. */
  size: number;
}

/** Where backups are kept: a folder, one behind ssh, or a bucket. */
export interface BackupPlace {
  /** As the user named it. */
  readonly name: string;
  /** A file appears when it is whole. @returns its bytes */
  write(file: string, content: Readable, signal: AbortSignal): Promise<number>;
  /** All files there; none where there is no such place yet. */
  list(): Promise<StoredFile[]>;
  /** @throws KnestError when there is no such file */
  read(file: string): Promise<Readable>;
  /** One that is not there is no error. */
  remove(file: string): Promise<void>;
}
