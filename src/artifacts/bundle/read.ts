import { createHash } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';

import { extract } from 'tar-stream';

import { KnestError } from '../../errors.ts';
import type { Progress } from '../../events.ts';
import type { Host } from '../../host/types.ts';
import { largestIndex, memberNames, noBundle, parseIndex } from './index-file.ts';
import type { BundleIndex, BundleMember } from './index-file.ts';
import { isSignedBy } from './signature.ts';

export interface Bundle {
  file: string;
  index: BundleIndex;
  signed: boolean;
}

/**
 * What a bundle says that is in it.
 * @param key whose signature it must have
 * @throws KnestError for files that are none, and bundles that are not signed as wanted
 */
export async function openBundle(local: Host, file: string, key: KeyObject | undefined): Promise<Bundle> {
  const found = await local.stat(file, { follow: true });
  if (found?.kind !== 'file') {
    throw new KnestError(found ? `${file} is not a file` : `there is no file ${file}`, {
      code: 'BUNDLE_UNUSABLE',
      hint: 'knest bundle create makes one; it is read more than once, so a pipe will not do',
    });
  }
  const first = await firstMembers(local.readStream(file), file);
  const bytes = first.get(memberNames.index);
  if (!bytes) throw noBundle(file);
  const signature = first.get(memberNames.signature)?.toString();
  if (key && signature === undefined) throw refused(`${file} is not signed`);
  if (key && !isSignedBy(bytes, signature ?? '', key)) throw refused(`${file} is not signed with this key`);
  return { file, index: parseIndex(bytes, file), signed: signature !== undefined };
}

function refused(message: string): KnestError {
  return new KnestError(message, {
    code: 'BUNDLE_UNUSABLE',
    hint: 'a bundle is used with --verify-key only if the owner of that key has signed it: knest bundle create --sign-key',
  });
}

/** The index and its signature. */
async function firstMembers(content: Readable, file: string): Promise<Map<string, Buffer>> {
  const members = new Map<string, Buffer>();
  const archive = extract();
  content.on('error', (error) => {
    archive.destroy(error);
  });
  content.pipe(archive);
  try {
    for await (const entry of archive) {
      const { name, size } = entry.header;
      const wanted = members.size === 0 ? memberNames.index : memberNames.signature;
      if (name !== wanted || size > largestIndex) break;
      members.set(name, await buffer(entry));
    }
  } catch {
    throw noBundle(file);
  } finally {
    content.destroy();
  }
  return members;
}

/** The bytes of a member, which are not compared with its digest. */
export function memberStream(local: Host, file: string, { offset, size }: BundleMember): Readable {
  return local.readStream(file, { start: offset, end: offset + size - 1 });
}

/** @throws KnestError when there is none of this name */
export function memberOf({ file, index }: Bundle, name: string): BundleMember {
  const found = index.members.find((member) => member.name === name);
  if (found) return found;
  throw new KnestError(`${file} has no ${name}`, {
    code: 'BUNDLE_UNUSABLE',
    hint: 'make it again: knest bundle create',
  });
}

/** A small member. @throws KnestError when it is not what the index says */
export async function readMember(local: Host, bundle: Bundle, name: string): Promise<string> {
  const member = memberOf(bundle, name);
  await verifyMember(local, bundle, member, () => undefined);
  return (await buffer(memberStream(local, bundle.file, member))).toString();
}

/** Reads a member to its end. @throws KnestError when it is not what the index says */
export async function verifyMember(
  local: Host,
  { file }: Bundle,
  member: BundleMember,
  progress: Progress,
): Promise<void> {
  const { name, size, sha256 } = member;
  const hash = createHash('sha256');
  let read = 0;
  let told = 0;
  for await (const chunk of memberStream(local, file, member)) {
    hash.update(chunk as Buffer);
    read += (chunk as Buffer).byteLength;
    if (read - told < 50e6) continue;
    told = read;
    progress(`${name}: ${Math.round(read / 1e6)} of ${Math.round(size / 1e6)} MB`);
  }
  if (read < size) throw damaged(file, `it ends within ${name}, after ${read} of ${size} bytes`);
  const found = hash.digest('hex');
  if (found !== sha256) throw damaged(file, `${name} has sha256 ${found}, and its index says ${sha256}`);
}

function damaged(file: string, why: string): KnestError {
  return new KnestError(`${file} is damaged: ${why}`, {
    code: 'BUNDLE_UNUSABLE',
    hint: 'copy it again from where it was made',
  });
}
