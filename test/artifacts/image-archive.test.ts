import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer, text as textOf } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';

import { pack } from 'tar-stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { readImageArchive } from '../../src/artifacts/image-archive.ts';
import { withArchives } from '../../src/artifacts/open-archives.ts';
import { openPlainArchive } from '../../src/artifacts/plain-archive.ts';
import { localHost } from '../../src/host/local.ts';

/** Where a file of src is, for programs that a test starts. */
function source(path: string): string {
  return join(import.meta.dirname, '../../src', path);
}

let folder: string;
let path: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'knest-archive-'));
  path = join(folder, 'image.tar');
});

afterEach(() => rm(folder, { recursive: true }));

async function write(files: Readonly<Record<string, unknown>>): Promise<void> {
  const archive = pack();
  for (const [name, content] of Object.entries(files)) archive.entry({ name }, text(content));
  archive.finalize();
  await writeFile(path, await buffer(archive));
}

function text(content: unknown): string {
  return typeof content === 'string' ? content : JSON.stringify(content);
}

function digestOf(content: unknown): string {
  return `sha256:${createHash('sha256').update(text(content)).digest('hex')}`;
}

/** Blobs of an OCI layout. */
function blobs(...contents: readonly unknown[]): Record<string, unknown> {
  return Object.fromEntries(contents.map((one) => [`blobs/${digestOf(one).replace(':', '/')}`, one]));
}

const layout = { 'oci-layout': { imageLayoutVersion: '1.0.0' } };
const config = { architecture: 'amd64', os: 'linux', rootfs: {} };
const otherConfig = { architecture: 'arm64', os: 'linux', rootfs: {} };
const manifest = { config: { digest: digestOf(config) }, layers: [] };
const otherManifest = { config: { digest: digestOf(otherConfig) }, layers: [] };

describe('docker save', () => {
  it('has whole names, and the digests of configurations', async () => {
    await write({
      'layer.tar': 'a layer',
      './config.json': config,
      'manifest.json': [
        { Config: 'config.json', RepoTags: ['app', 'registry.example/app:1'], Layers: ['layer.tar'] },
        { Config: 'elsewhere.json', RepoTags: ['other:2'], Layers: [] },
        { Config: 'config.json', RepoTags: null, Layers: [] },
      ],
    });
    const known = { id: digestOf(config), architecture: 'amd64' };
    expect(await readImageArchive(createReadStream(path), 'amd64')).toEqual([
      { name: 'docker.io/library/app:latest', ...known },
      { name: 'registry.example/app:1', ...known },
      { name: 'docker.io/library/other:2', id: undefined, architecture: undefined },
    ]);
  });
});

describe('OCI layout', () => {
  const entry = (of: unknown, name: string) => ({
    digest: digestOf(of),
    annotations: { 'org.opencontainers.image.ref.name': name },
  });

  it("has the digest of the configuration for the nodes' architecture, however deep", async () => {
    const platform = (of: unknown, architecture: string) => ({
      digest: digestOf(of),
      platform: { architecture, os: 'linux' },
    });
    const index = { manifests: [platform(otherManifest, 'arm64'), platform(manifest, 'amd64')] };
    await write({
      ...blobs(config, otherConfig, manifest, otherManifest, index),
      'index.json': {
        manifests: [
          entry(manifest, 'example.test/plain:1'),
          entry(index, 'example.test/index:1'),
          entry('nothing', 'example.test/lost:1'),
        ],
      },
      ...layout,
    });
    const [plain, inIndex, lost] = await readImageArchive(createReadStream(path), 'amd64');
    expect([plain?.id, inIndex?.id, lost?.id]).toEqual([digestOf(config), digestOf(config), undefined]);
    expect((await readImageArchive(createReadStream(path), 'arm64'))[1]).toMatchObject({
      id: digestOf(otherConfig),
      architecture: 'arm64',
    });
  });

  it('comes before manifest.json, and containerd’s name before the standard’s', async () => {
    await write({
      ...blobs(config, manifest),
      'index.json': {
        manifests: [
          {
            digest: digestOf(manifest),
            annotations: {
              'io.containerd.image.name': 'docker.io/library/app:1',
              'org.opencontainers.image.ref.name': '1',
            },
          },
        ],
      },
      'manifest.json': [{ Config: 'config.json', RepoTags: ['other:1'] }],
      ...layout,
    });
    expect((await readImageArchive(createReadStream(path), 'amd64')).map(({ name }) => name)).toEqual([
      'docker.io/library/app:1',
    ]);
  });

  it.each(['latest', 'app:1', 'team/app:1'])('is refused with the name %s', async (name) => {
    await write({
      ...blobs(config, manifest),
      'index.json': { manifests: [entry(manifest, name)] },
      ...layout,
    });
    await expect(readImageArchive(createReadStream(path), 'amd64')).rejects.toThrow(
      `calls its image "${name}"`,
    );
  });
});

describe('what is no archive of images', () => {
  it.each([
    ['no JSON', { 'manifest.json': '[oops' }, 'manifest.json in it is not what it should be'],
    ['another JSON', { 'manifest.json': [{ Config: 7 }] }, 'manifest.json in it is not what it should be'],
    ['no names', { 'manifest.json': [{ Config: 'config.json' }] }, 'its images have no names'],
    ['another tar archive', { 'package.json': {} }, 'holds no images'],
  ])('%s', async (_, files, message) => {
    await write(files);
    await expect(readImageArchive(createReadStream(path), 'amd64')).rejects.toThrow(message);
  });

  it.each(['text', 'x'.repeat(2000)])('not a tar archive', async (content) => {
    await writeFile(path, content);
    await expect(readImageArchive(createReadStream(path), 'amd64')).rejects.toThrow('is not a tar archive');
  });

  it('one that ends too early', async () => {
    await write({ 'layer.tar': 'x'.repeat(5000) });
    await writeFile(path, (await readFile(path)).subarray(0, 2048));
    await expect(readImageArchive(createReadStream(path), 'amd64')).rejects.toThrow('ends in the middle');
  });
});

describe('openPlainArchive', () => {
  it('decompresses into a copy, which goes away', async () => {
    await writeFile(path, gzipSync('plain'));
    const before = await copies();
    const archive = await openPlainArchive(localHost(), path);
    for (let reader = 0; reader < 2; reader += 1) expect(await textOf(archive.open())).toBe('plain');
    expect(await copies()).not.toEqual(before);
    await archive.dispose();
    await expect(textOf(archive.open())).rejects.toThrow('ENOENT');
    expect(await copies()).toEqual(before);
    expect(await readFile(path)).toEqual(gzipSync('plain'));
  });

  it('takes what is plain as it is', async () => {
    const before = await copies();
    await writeFile(path, 'plain');
    const archive = await openPlainArchive(localHost(), path);
    expect(await textOf(archive.open())).toBe('plain');
    expect(await copies()).toEqual(before);
    await archive.dispose();
    expect(await readFile(path, 'utf8')).toBe('plain');
  });

  it('keeps what comes from a pipe, compressed or not', async () => {
    for (const content of [Buffer.from('plain'), gzipSync('plain')]) {
      const archive = await openPlainArchive(localHost(), 'stdin', Readable.from([content]));
      for (let reader = 0; reader < 2; reader += 1) expect(await textOf(archive.open())).toBe('plain');
      await archive.dispose();
    }
  }, 20_000);

  it.each([
    ['a fifo', (fifo: string) => fifo],
    ['a link to a fifo', (fifo: string) => join(folder, `link-${basename(fifo)}`)],
  ])(
    'reads %s once, compressed or not',
    async (_what, nameOf) => {
      const content = Buffer.alloc(200_000, 'an archive');
      for (const [index, sent] of [content, gzipSync(content)].entries()) {
        const fifo = join(folder, `fifo${index}`);
        await localHost().run(['mkfifo', fifo]);
        await symlink(fifo, join(folder, `link-fifo${index}`));
        const writing = writeFile(fifo, sent);
        const archive = await openPlainArchive(localHost(), nameOf(fifo));
        await writing;
        for (let time = 0; time < 2; time += 1) {
          expect((await buffer(archive.open())).equals(content)).toBe(true);
        }
        await archive.dispose();
      }
    },
    20_000,
  );

  it('reads what a shell makes of <(...)', async () => {
    const script = `
      import { text } from 'node:stream/consumers';
      import { openPlainArchive } from ${JSON.stringify(source('artifacts/plain-archive.ts'))};
      import { localHost } from ${JSON.stringify(source('host/local.ts'))};
      const archive = await openPlainArchive(localHost(), process.argv[1]);
      console.log(process.argv[1], await text(archive.open()));
      await archive.dispose();`;
    const { stdout } = await localHost().run(
      ['bash', '-c', 'node --import tsx --input-type=module -e "$0" <(printf archive)', script],
      { cwd: join(import.meta.dirname, '../..') },
    );
    expect(stdout).toMatch(/^\/dev\/fd\/\d+ archive$/);
  }, 20_000);

  it('refuses a pipe where the archive is read again later', async () => {
    const fifo = join(folder, 'fifo');
    await localHost().run(['mkfifo', fifo]);
    const source = { file: fifo, lasting: true };
    await expect(
      withArchives(
        { local: localHost(), arch: 'amd64' },
        [source],
        () => 'images[0]',
        () => Promise.resolve(),
      ),
    ).rejects.toMatchObject({
      problems: [{ path: 'images[0]', message: 'is a pipe, which can be read only once' }],
    });
  });

  it('refuses folders, also behind links', async () => {
    await mkdir(path);
    await symlink(path, `${path}-link`);
    for (const name of [path, `${path}-link`]) {
      await expect(openPlainArchive(localHost(), name)).rejects.toThrow('is a folder, not an archive');
    }
  });

  it('says what is wrong with a compressed file', async () => {
    await writeFile(path, gzipSync('plain'.repeat(1000)).subarray(0, 20));
    await expect(openPlainArchive(localHost(), path)).rejects.toThrow(
      /cannot be decompressed: gzip: .*unexpected end/,
    );
  });
});

async function copies(): Promise<string[]> {
  return (await readdir('/var/tmp')).filter((name) => name.startsWith('knest-archive-'));
}
