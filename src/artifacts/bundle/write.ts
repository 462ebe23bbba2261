import { createHash } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';

import { pack } from 'tar-stream';

import { KnestError, tail } from '../../errors.ts';
import type { Progress } from '../../events.ts';
import type { Host } from '../../host/types.ts';
import type { Paths } from '../../plan/types.ts';
import { packCommand } from '../../tools/tar.ts';
import type { GrowingFile } from '../../workstation/growing-file.ts';
import { layerPath } from '../layer-info.ts';
import { indexSize, memberNames, renderIndex } from './index-file.ts';
import type { BundleIndex, BundleMember } from './index-file.ts';
import { signatureOf } from './signature.ts';

/** Where a member's bytes come from; opened when it is its turn. */
export interface MemberSource {
  name: string;
  open: () => Promise<Readable>;
}

/** A layer of the cache as a member. */
export function layerMember(host: Host, paths: Paths, id: string): MemberSource {
  return { name: memberNames.layer(id), open: () => packed(host, layerPath(paths, id)) };
}

export function textMember(name: string, content: string): MemberSource {
  return { name, open: () => Promise.resolve(Readable.from([Buffer.from(content)])) };
}

/**
 * Writes a bundle in one go, with no copy of anything elsewhere: the index and the headers, which come before what they
 * tell about, are filled in afterwards.
 * @param key signs it
 */
export async function writeBundle(
  file: GrowingFile,
  about: Omit<BundleIndex, 'members' | 'format'>,
  sources: readonly MemberSource[],
  { key, progress, signal }: { key: KeyObject | undefined; progress: Progress; signal: AbortSignal },
): Promise<BundleIndex> {
  const names = sources.map(({ name }) => name);
  const index = { format: 1 as const, ...about };
  const size = indexSize(index, names);
  const blank = Readable.from([Buffer.alloc(size)]);
  const place = await append(file, { name: memberNames.index, open: () => Promise.resolve(blank) });
  const unsigned = key && signatureOf(Buffer.alloc(0), key);
  const signature =
    unsigned === undefined ? undefined : await append(file, textMember(memberNames.signature, unsigned));
  const members: BundleMember[] = [];
  for (const [at, source] of sources.entries()) {
    signal.throwIfAborted();
    members.push(
      await append(file, source, (bytes) => {
        progress(`${source.name} (${at + 1} of ${sources.length}): ${Math.round(bytes / 1e6)} MB`);
      }),
    );
  }
  // two blocks of zeros end an archive
  await file.append(Buffer.alloc(1024));
  const finished = { ...index, members };
  const bytes = renderIndex(finished, size);
  await file.replace(place.offset, bytes);
  if (key && signature) await file.replace(signature.offset, Buffer.from(signatureOf(bytes, key)));
  return finished;
}

async function append(
  file: GrowingFile,
  { name, open }: MemberSource,
  onProgress: (bytes: number) => void = () => undefined,
): Promise<BundleMember> {
  const start = file.size();
  await file.append(await headerOf(name, 0));
  const offset = file.size();
  const hash = createHash('sha256');
  let told = 0;
  for await (const chunk of await open()) {
    const bytes = chunk as Buffer;
    hash.update(bytes);
    await file.append(bytes);
    if (file.size() - told < 10e6) continue;
    told = file.size();
    onProgress(told - offset);
  }
  const size = file.size() - offset;
  await file.append(Buffer.alloc((512 - (size % 512)) % 512));
  await file.replace(start, await headerOf(name, size));
  return { name, offset, size, sha256: hash.digest('hex') };
}

/** The block before a member. */
async function headerOf(name: string, size: number): Promise<Buffer> {
  const archive = pack();
  const mtime = new Date(0);
  if (size === 0) archive.entry({ name, mode: 0o644, mtime, uid: 0, gid: 0 }, '');
  else archive.entry({ name, size, mode: 0o644, mtime, uid: 0, gid: 0 }).write(Buffer.alloc(1));
  const [header] = (await once(archive, 'data')) as [Buffer];
  archive.destroy();
  return header;
}

async function packed(host: Host, root: string): Promise<Readable> {
  const process = await host.spawn(packCommand(root));
  process.stdin.end();
  const complaints = text(process.stderr);
  const whole = async function* (): AsyncGenerator<Buffer> {
    for await (const chunk of process.stdout) yield chunk as Buffer;
    const exitCode = await process.exited;
    if (exitCode === 0) return;
    throw new KnestError(`${root} could not be packed`, {
      code: 'COMMAND_FAILED',
      details: tail(await complaints, 5),
      hint: 'run the same command again',
    });
  };
  return Readable.from(whole(), { objectMode: false });
}
