/** An image for pods, made here: Debian's busybox in an archive as `docker save` writes it. No registry is asked. */

import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { buffer } from 'node:stream/consumers';

import { pack } from 'tar-stream';

import { must, run } from './cli.ts';

export const busyboxImage = 'knest.local/busybox:1';

/** Path of the archive; made by the first caller on this machine. */
export async function busyboxArchive(): Promise<string> {
  const folder = join(tmpdir(), 'knest-e2e-images');
  const archive = join(folder, 'busybox.tar');
  if (await stat(archive).catch(() => undefined)) return archive;
  await mkdir(folder, { recursive: true });
  const work = await mkdtemp(join(folder, 'work-'));
  try {
    const binary = await fetchBusybox(work);
    const applets = (await must([binary, '--list'])).split('\n').filter((name) => name !== 'busybox');
    await writeArchive(join(work, 'busybox.tar'), await readFile(binary), applets);
    await rename(join(work, 'busybox.tar'), archive);
  } finally {
    await rm(work, { recursive: true });
  }
  return archive;
}

async function fetchBusybox(work: string): Promise<string> {
  const download = ['sh', '-c', 'cd "$0" && apt-get download busybox-static', work];
  if ((await run(download)).exitCode !== 0) {
    // a fresh machine has no package lists
    await must(['apt-get', 'update']);
    await must(download);
  }
  const [file] = (await readdir(work)).filter((name) => name.endsWith('.deb'));
  await must(['dpkg-deb', '-x', join(work, file ?? ''), join(work, 'tree')]);
  for (const path of ['usr/bin/busybox', 'bin/busybox']) {
    const binary = join(work, 'tree', path);
    if (await stat(binary).catch(() => undefined)) return binary;
  }
  throw new Error('busybox-static has no busybox');
}

async function writeArchive(path: string, binary: Buffer, applets: readonly string[]): Promise<void> {
  const layer = await makeLayer(binary, applets);
  const digest = createHash('sha256').update(layer).digest('hex');
  const config = JSON.stringify({
    architecture: { x64: 'amd64', arm64: 'arm64' }[process.arch as string] ?? process.arch,
    os: 'linux',
    config: { Env: ['PATH=/bin'], Cmd: ['/bin/sh'] },
    rootfs: { type: 'layers', diff_ids: [`sha256:${digest}`] },
  });
  const manifest = [{ Config: 'config.json', RepoTags: [busyboxImage], Layers: ['layer.tar'] }];
  const archive = pack();
  archive.entry({ name: 'config.json' }, config);
  archive.entry({ name: 'layer.tar' }, layer);
  archive.entry({ name: 'manifest.json' }, JSON.stringify(manifest));
  archive.finalize();
  await pipeline(archive, createWriteStream(path));
}

async function makeLayer(binary: Buffer, applets: readonly string[]): Promise<Buffer> {
  const layer = pack();
  const result = buffer(layer);
  for (const name of ['bin', 'etc', 'tmp', 'www']) layer.entry({ name, type: 'directory', mode: 0o755 });
  layer.entry({ name: 'bin/busybox', mode: 0o755 }, binary);
  for (const name of applets) layer.entry({ name: `bin/${name}`, type: 'symlink', linkname: 'busybox' });
  layer.finalize();
  return result;
}
