/** Files in the user's own folders. knest runs as root, and must neither keep for root what is the user's nor take it. */

import { randomBytes } from 'node:crypto';
import { dirname } from 'node:path';
import { Readable } from 'node:stream';

import { codeOf } from '../host/error-codes.ts';
import type { FileInfo } from '../host/types.ts';
import type { Desk } from './kubeconfig-paths.ts';

/**
 * Makes a folder and those above it that are missing (0755, as kubectl does). They belong to whoever they are made for:
 * see newOwner.
 */
export async function makeUserFolder(desk: Desk, path: string): Promise<void> {
  const missing: string[] = [];
  for (let each = path; (await desk.local.stat(each)) === undefined; each = dirname(each))
    missing.unshift(each);
  if (missing.length === 0) return;
  const owner = await newOwner(desk, path);
  for (const folder of missing) await desk.local.makeDirectory(folder, 0o755);
  await giveTo(desk, owner, missing);
}

/**
 * Writes a file atomically. One that is there keeps owner, group, mode, access control lists and extended attributes;
 * a new one gets `mode` and belongs to whoever it is made for.
 * @param path no link
 */
export async function writeUserFile(desk: Desk, path: string, text: string, mode: number): Promise<void> {
  const before = await desk.local.stat(path);
  if (before) return replaceFile(desk, path, text, before);
  const owner = await newOwner(desk, path);
  await desk.local.writeFile(path, text, mode);
  await giveTo(desk, owner, [path]);
}

/** What is new belongs to whoever it is made for: see newOwner. */
export async function giveToUser(desk: Desk, path: string): Promise<void> {
  await giveTo(desk, await newOwner(desk, path), [path]);
}

async function replaceFile({ local }: Desk, path: string, text: string, { mode }: FileInfo): Promise<void> {
  // as Host.writeFile calls its own, so that what a killed knest leaves is found: removeTemporaryFiles
  const { pid } = await local.identity();
  const temporary = `${path}.${pid}-${randomBytes(4).toString('hex')}.tmp`;
  try {
    await local.run(['cp', '--attributes-only', '--preserve=all', '--', path, temporary]);
    await local.writeStream(temporary, Readable.from([Buffer.from(text)]), mode, { append: true });
    await local.rename(temporary, path);
  } catch (error) {
    // a file that is mounted on its own, as into a container, can only be filled where it is
    if (codeOf(error) !== 'EBUSY') throw error;
    await local.run(['cp', '--', temporary, path]);
  } finally {
    await local.remove(temporary);
  }
}

export interface Owner {
  uid: number;
  gid: number;
}

/**
 * Who gets what is new: the owner of the folder that it comes into. Of a folder of root's, the user behind sudo, where it
 * is in a folder of that user's or anybody may write there (/tmp).
 */
export async function newOwner({ local, env }: Desk, path: string): Promise<Owner | undefined> {
  const above: FileInfo[] = [];
  for (let each = path; dirname(each) !== each; each = dirname(each)) {
    const info = await local.stat(dirname(each));
    if (info) above.push(info);
  }
  const [nearest] = above;
  if (!nearest) return undefined;
  if (nearest.uid !== 0) return nearest;
  const [uid, gid] = [env['SUDO_UID'], env['SUDO_GID']].map((text) => Number(text || NaN));
  if (uid === undefined || gid === undefined || !Number.isInteger(uid) || !Number.isInteger(gid)) {
    return undefined;
  }
  const openToAll = (nearest.mode & 0o002) !== 0;
  return openToAll || above.some((folder) => folder.uid === uid) ? { uid, gid } : undefined;
}

/** With all that is in them. Only root can give away; whoever else runs knest keeps what they make. */
export async function giveTo(
  { local }: Desk,
  owner: Owner | undefined,
  paths: readonly string[],
): Promise<void> {
  const [first] = paths;
  const made = first === undefined ? undefined : await local.stat(first);
  if (!owner || made?.uid !== 0 || (owner.uid === 0 && owner.gid === made.gid)) return;
  await local.run(['chown', '--recursive', '--no-dereference', `${owner.uid}:${owner.gid}`, '--', ...paths]);
}
