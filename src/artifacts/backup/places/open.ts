import { resolve } from 'node:path';

import { InputError } from '../../../errors.ts';
import type { Workstation } from '../../../workstation/workstation.ts';
import { folderPlace } from './folder.ts';
import { s3Place } from './s3.ts';
import { sshPlace } from './ssh.ts';
import type { BackupPlace } from './types.ts';

/**
 * A place by what the user calls it: a folder, ssh://HOST/FOLDER, s3://BUCKET/PREFIX.
 * @param flag that named it
 * @throws InputError
 */
export function openPlace(text: string, flag: string, desk: Pick<Workstation, 'local' | 'env'>): BackupPlace {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text)?.[1]?.toLowerCase();
  if (scheme === undefined) return folderPlace(resolve(text), desk);
  const refuse = (message: string): InputError => {
    const hint = 'a folder, ssh://HOST/FOLDER or s3://BUCKET/PREFIX';
    return new InputError('the place of backups', [{ path: flag, message, hint }]);
  };
  if (scheme !== 'ssh' && scheme !== 's3') throw refuse(`"${text}" begins with a scheme that is not known`);
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw refuse(`"${text}" is no URL`);
  }
  if (url.hostname === '') throw refuse(`"${text}" names no ${scheme === 's3' ? 'bucket' : 'host'}`);
  return scheme === 's3' ? s3Place(url, desk) : sshPlace(url, desk);
}

/** A file in a place: all before the last slash is the place. */
export function openFile(
  text: string,
  desk: Pick<Workstation, 'local' | 'env'>,
): { place: BackupPlace; file: string } {
  const cut = text.lastIndexOf('/');
  const file = text.slice(cut + 1);
  if (file === '') {
    throw new InputError('the backup', [{ path: 'FILE', message: `"${text}" names no file` }]);
  }
  return { place: openPlace(cut < 0 ? '.' : text.slice(0, cut) || '/', 'FILE', desk), file };
}
