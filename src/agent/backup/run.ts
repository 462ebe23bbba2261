import { mkdir, open, readFile, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createReadStream, createWriteStream } from 'node:fs';

import { etcdClient } from '../../clients/etcd/client.ts';
import { thisProcess } from '../../clients/https.ts';
import { memberNames } from '../../formats/backup/contents.ts';
import type { AboutBackup } from '../../formats/backup/contents.ts';
import { backupName, parseBackupName } from '../../formats/backup/names.ts';
import { packBackup } from '../../formats/backup/pack.ts';
import type { BackupMember } from '../../formats/backup/pack.ts';
import { log } from '../log.ts';
import type { BackupConfig } from './config.ts';

/**
 * Makes a backup if the newest one is old enough, and deletes those that are too many. A timer of every control plane asks
 * for it, and the one whose etcd leads does it: so it goes on when any of them is gone.
 */
export async function runBackup(file: string): Promise<void> {
  const config = JSON.parse(await readFile(file, 'utf8')) as BackupConfig;
  const material = await readKeys(config.pki);
  const client = etcdClient([config.endpoint], material, { via: thisProcess });
  try {
    const status = await client.status(config.endpoint);
    if (status.leader !== status.id) return;
    const { cluster } = config.about;
    const present = await backupsOf(config.folder, cluster);
    const newest = present[0] === undefined ? 0 : Date.parse(present[0].taken);
    if (Date.now() - newest < config.every * 1000) return;
    const taken = new Date().toISOString();
    const count = await client.count(config.endpoint);
    const about: AboutBackup = {
      ...config.about,
      taken,
      etcd: { version: status.version, ...count, complete: true },
    };
    const name = backupName({ cluster, taken, encrypted: false });
    const partial = join(config.folder, `.${name}.partial`);
    const snapshot = join(config.folder, `.${name}.etcd`);
    try {
      await removeLeftOvers(config.folder, cluster);
      const pages = await client.snapshot(config.endpoint);
      await pipeline(pages, createWriteStream(snapshot, { mode: 0o600 }));
      const members = membersOf(config, about, material, snapshot);
      await pipeline(packBackup(members, new Date(taken)), createWriteStream(partial, { mode: 0o600 }));
      await sync(partial);
      await rename(partial, join(config.folder, name));
    } finally {
      await rm(partial, { force: true });
      await rm(snapshot, { force: true });
    }
    log.info(`${name}: ${count.keys} keys`);
    for (const { file: old } of (await backupsOf(config.folder, cluster)).slice(config.keep))
      await rm(join(config.folder, old), { force: true });
  } finally {
    client.close();
  }
}

/** The newest first. */
async function backupsOf(folder: string, cluster: string): Promise<{ file: string; taken: string }[]> {
  await mkdir(folder, { recursive: true });
  return (await readdir(folder))
    .flatMap((file) => {
      const parsed = parseBackupName(file);
      return parsed?.cluster === cluster ? [{ file, taken: parsed.taken }] : [];
    })
    .sort((a, b) => (a.taken < b.taken ? 1 : -1));
}

/** Of a run that was ended in the middle. */
async function removeLeftOvers(folder: string, cluster: string): Promise<void> {
  for (const file of await readdir(folder)) {
    if (file.startsWith(`.${cluster}-`) && /\.(partial|etcd)$/.test(file))
      await rm(join(folder, file), { force: true });
  }
}

async function* membersOf(
  { spec }: BackupConfig,
  about: AboutBackup,
  material: ReadonlyMap<string, string>,
  snapshot: string,
): AsyncGenerator<BackupMember> {
  const json = (value: unknown): Buffer => Buffer.from(`${JSON.stringify(value, undefined, 2)}\n`);
  yield { name: memberNames.about, content: json(about) };
  yield { name: memberNames.spec, content: json(spec) };
  for (const [file, content] of [...material].sort(([a], [b]) => (a < b ? -1 : 1)))
    yield { name: memberNames.pki(file), content: Buffer.from(content) };
  const { size } = await stat(snapshot);
  yield { name: memberNames.etcd, content: { size, stream: createReadStream(snapshot) } };
}

async function readKeys(folder: string): Promise<Map<string, string>> {
  const files = (await readdir(folder)).filter((file) => /\.(crt|key|pub)$/.test(file));
  const texts = await Promise.all(files.map((file) => readFile(join(folder, file), 'utf8')));
  return new Map(files.map((file, index) => [file, texts[index] ?? '']));
}

async function sync(path: string): Promise<void> {
  const file = await open(path);
  await file.sync();
  await file.close();
}
