import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';

import { afterEach, describe, expect, it } from 'vitest';

import { runBackup } from '../../../src/agent/backup/run.ts';
import { readBackup, skip } from '../../../src/formats/backup/read.ts';
import { etcdMaterial, startEtcd } from '../../fixtures/etcd-server.ts';
import type { TestEtcd } from '../../fixtures/etcd-server.ts';

const pages = Buffer.from('pages '.repeat(1000));
const snapshot = Buffer.concat([pages, createHash('sha256').update(pages).digest()]);

let etcd: TestEtcd | undefined;
afterEach(() => etcd?.close());

/** A control plane on paper. @returns its config, and the folder for backups */
async function controlPlane({ leads = true, every = 3600, keep = 2 } = {}) {
  const material = await etcdMaterial();
  etcd = await startEtcd(material, (path) => {
    if (path === 'maintenance/status')
      return { body: { header: { member_id: '7' }, version: '3.4.23', leader: leads ? '7' : '8' } };
    if (path === 'kv/range') return { body: { header: { revision: '42' }, count: '17' } };
    return { text: `${JSON.stringify({ result: { blob: snapshot.toString('base64') } })}\n` };
  });
  const root = await mkdtemp(join(tmpdir(), 'knest-backup-'));
  const [pki, folder, file] = [join(root, 'pki'), join(root, 'backups'), join(root, 'config.json')];
  await mkdir(pki);
  for (const [name, text] of material) await writeFile(join(pki, name), text);
  await writeFile(
    file,
    JSON.stringify({
      ...{ endpoint: etcd.endpoint, pki, folder, every, keep },
      about: { format: 1, knest: 'knest-agent', cluster: 'lab', kubernetesVersion: 'v1.20.2', nodes: [] },
      spec: { version: 3, spec: { name: 'lab' } },
    }),
  );
  return { file, folder };
}

describe('a backup that a control plane makes by itself', () => {
  it('is whole, and none is made until the next one is due', async () => {
    const { file, folder } = await controlPlane();
    await runBackup(file);
    await runBackup(file);
    const [name = '', ...others] = await readdir(folder);
    expect(others).toEqual([]);
    expect(name).toMatch(/^lab-\d{8}T\d{6}Z\.tar\.gz$/);
    const found: string[] = [];
    const bytes = await readFile(join(folder, name));
    await readBackup(Readable.from([bytes], { objectMode: false }), async (member, content, size) => {
      await skip(content);
      found.push(member);
      if (member === 'etcd.db') expect(size).toBe(snapshot.length);
    });
    expect(found).toEqual(expect.arrayContaining(['backup.json', 'spec.json', 'pki/etcd-ca.key', 'etcd.db']));
  });

  it('is one of as many as are to be kept; those of others stay', async () => {
    const { file, folder } = await controlPlane();
    await mkdir(folder);
    const old = [
      'lab-20200101T000000Z.tar.gz',
      'lab-20210101T000000Z.tar.gz',
      'lab-2-20200101T000000Z.tar.gz',
    ];
    for (const name of [...old, 'notes', '.lab-20220101T000000Z.tar.gz.partial'])
      await writeFile(join(folder, name), '');
    await runBackup(file);
    const names = await readdir(folder);
    expect(names).toHaveLength(4);
    expect(names).toEqual(expect.arrayContaining(['lab-20210101T000000Z.tar.gz', 'notes', old[2]]));
  });

  it('is left to the one whose etcd leads', async () => {
    const { file, folder } = await controlPlane({ leads: false });
    await runBackup(file);
    await expect(readdir(folder)).rejects.toThrow(/ENOENT/);
  });
});
