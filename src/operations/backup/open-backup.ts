import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';

import * as z from 'zod';

import { decrypt } from '../../artifacts/backup/encryption.ts';
import type { Decryption } from '../../artifacts/backup/encryption.ts';
import { openFile } from '../../artifacts/backup/places/open.ts';
import { KnestError, messageOf } from '../../errors.ts';
import { backupFormat, memberNames, pkiFileOf, volumeNodeOf } from '../../formats/backup/contents.ts';
import type { AboutBackup } from '../../formats/backup/contents.ts';
import { BackupFault, readBackup, skip } from '../../formats/backup/read.ts';
import type { OnMember } from '../../formats/backup/read.ts';
import type { KeyMaterial } from '../../pki/issue.ts';
import type { ClusterSpec } from '../../spec/types.ts';
import { checkSpec } from '../../state/plan-schema.ts';
import { writeSnapshot } from '../etcd-snapshot/save.ts';
import type { Session } from '../session.ts';

export interface BackupSource {
  /** A path, or a place and the name of a file in it. */
  file: string;
  decryption?: Decryption;
}

/** What a backup has, read to its end and found whole; volumes are still in it. */
export interface OpenBackup {
  about: AboutBackup;
  spec: ClusterSpec;
  material: KeyMaterial;
  /** The snapshot of etcd, on the host. */
  snapshot: string;
  /** Names of nodes of which there are volumes. */
  volumes: ReadonlySet<string>;
}

const aboutSchema = z.looseObject({
  format: z.number(),
  knest: z.string(),
  cluster: z.string().regex(/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/),
  taken: z.string(),
  kubernetesVersion: z.string(),
  etcd: z.looseObject({
    version: z.string(),
    revision: z.string().regex(/^\d+$/),
    keys: z.int().nonnegative(),
    complete: z.boolean(),
  }),
  network: z.looseObject({
    podSubnets: z.array(z.string()),
    serviceSubnets: z.array(z.string()),
  }),
  nodes: z.array(z.looseObject({ name: z.string(), role: z.string() })),
  volumes: z.array(z.string()).optional(),
});

/** No document or key is larger. */
const largestDocument = 64 * 1024 * 1024;

/**
 * Reads all of a backup and compares it with its checksums, before anything is made of it.
 * @param snapshot where the snapshot of etcd goes on the host
 * @throws KnestError when it is damaged, of a newer knest, or cannot be decrypted
 */
export async function openBackup(
  session: Session,
  source: BackupSource,
  snapshot: string,
): Promise<OpenBackup> {
  const { host } = session;
  const documents = new Map<string, string>();
  const material = new Map<string, string>();
  const volumes = new Set<string>();
  await host.remove(snapshot);
  await read(session, source, async (name, content, size) => {
    const key = pkiFileOf(name);
    const node = volumeNodeOf(name);
    if (name === memberNames.etcd) {
      await writeSnapshot(host, content, snapshot);
    } else if (node !== undefined) {
      volumes.add(node);
      await skip(content);
    } else if (size > largestDocument) throw new BackupFault(`${name} has ${size} bytes`);
    else if (key !== undefined) material.set(key, (await buffer(content)).toString());
    else documents.set(name, (await buffer(content)).toString());
    // what is in it depends on it
    if (name === memberNames.about) parseAbout(documents.get(name) ?? '', source.file);
  });
  const about = parseAbout(documents.get(memberNames.about) ?? '', source.file);
  if ((await host.stat(snapshot)) === undefined) throw damaged(source.file, 'it has no snapshot of etcd');
  const spec = parseSpec(documents.get(memberNames.spec) ?? '', source.file);
  return { about, spec, material, snapshot, volumes };
}

/** What a backup says of itself, without reading the rest. */
export async function readAbout(session: Session, source: BackupSource): Promise<AboutBackup> {
  let about: AboutBackup | undefined;
  const enough = new Error('enough');
  await read(session, source, async (_name, content) => {
    about = parseAbout((await buffer(content)).toString(), source.file);
    throw enough;
  }).catch((error: unknown) => {
    if (error !== enough) throw error;
  });
  if (!about) throw damaged(source.file, 'it is empty');
  return about;
}

/**
 * Reads a backup once more, for the volumes in it: the pieces of each node, in their order.
 * @param take reads pieces to their end
 */
export async function readVolumes(
  session: Session,
  source: BackupSource,
  take: (node: string, piece: Readable) => Promise<void>,
): Promise<void> {
  await read(session, source, async (name, content) => {
    const node = volumeNodeOf(name);
    if (node === undefined) await skip(content);
    else await take(node, content);
  });
}

async function read(
  session: Session,
  { file, decryption = {} }: BackupSource,
  onMember: OnMember,
): Promise<void> {
  const opened = openFile(file, session.workstation);
  const stored = await opened.place.read(opened.file);
  try {
    const plain = opened.file.endsWith('.age') ? await decrypt(stored, file, decryption) : stored;
    await readBackup(plain, onMember);
  } catch (error) {
    if (error instanceof BackupFault) throw damaged(file, error.message);
    throw error;
  } finally {
    stored.destroy();
  }
}

function parseAbout(text: string, file: string): AboutBackup {
  const parsed = aboutSchema.safeParse(parseJson(text, file));
  if (!parsed.success) throw damaged(file, `${memberNames.about} is not as knest writes it`);
  const { format, knest } = parsed.data;
  if (format === backupFormat) return parsed.data as AboutBackup;
  throw new KnestError(
    `${file} has the format ${format} and was written by knest ${knest}; this knest knows ${backupFormat}`,
    {
      code: 'BACKUP_UNUSABLE',
      hint: 'use that newer knest',
    },
  );
}

function parseSpec(text: string, file: string): ClusterSpec {
  const found = parseJson(text, file);
  const isWrapped = typeof found === 'object' && found !== null && 'spec' in found;
  const checked = checkSpec(isWrapped ? found.spec : undefined);
  if ('value' in checked) return checked.value;
  throw damaged(file, `${memberNames.spec} is not as knest writes it (${checked.problem})`);
}

function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw damaged(file, messageOf(error));
  }
}

function damaged(file: string, why: string): KnestError {
  return new KnestError(`${file} cannot be used: ${why}`, {
    code: 'BACKUP_UNUSABLE',
    hint: 'use another backup, or copy it again from where it was made',
  });
}
