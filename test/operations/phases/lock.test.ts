/** What a lock does before anything is made: differences are refused, files that it has need not be there. */

import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

import { pack } from 'tar-stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { InputError } from '../../../src/errors.ts';
import { localHost } from '../../../src/host/local.ts';
import { createCluster } from '../../../src/operations/create/create-cluster.ts';
import { planCluster } from '../../../src/operations/create/plan-cluster.ts';
import { buildImage } from '../../../src/operations/images/build-image.ts';
import { choicesOf, suitesOf } from '../../../src/plan/spec-layers.ts';
import { resolveImages } from '../../../src/operations/phases/resolve-references.ts';
import type { Lock } from '../../../src/spec/lock.ts';
import { thisWorkstation } from '../../../src/workstation/workstation.ts';
import { clusterSpec, fromDebian, fromRelease, nodeSpec } from '../../fixtures/cluster.ts';
import { someLock } from '../../fixtures/lock.ts';
import { live } from '../failures/lives.ts';
import { inventory, paperHost } from '../failures/paper-host.ts';

it.each([
  ['create', createCluster],
  ['plan', planCluster],
  ['build', (options: Parameters<typeof createCluster>[0]) => buildImage({ ...options, rebuild: false })],
] as const)('%s refuses, all at once, what is not locked, and leaves nothing', async (_, verb) => {
  const paper = await paperHost();
  const before = await inventory(paper);
  const spec = clusterSpec({ image: { suite: 'bookworm', mirror: undefined, lock: someLock() } });
  const { error, events } = await live(paper, (context) => verb({ ...context, spec, yes: true }));
  expect(error instanceof InputError && error.problems).toMatchObject([
    { path: 'suite', message: 'is bookworm, and knest.lock has trixie' },
    { path: 'kubernetesVersion', hint: 'knest lock writes it anew; --no-lock does without it' },
  ]);
  expect(events).toEqual([]);
  expect(await inventory(paper)).toEqual(before);
});

it('a host that cannot build plans what comes out of a bundle', async () => {
  const paper = await paperHost();
  const lock = someLock();
  const version = lock.layers.find(({ kind }) => kind === 'kubernetes');
  const kubernetes = {
    ...clusterSpec().kubernetes,
    version: version && 'version' in version ? version.version : '',
  };
  const spec = clusterSpec({ kubernetes, image: { suite: 'trixie', mirror: undefined, lock } });
  await Promise.all(['mmdebstrap', 'debootstrap'].map((name) => paper.host.remove(`/usr/bin/${name}`)));
  const plan = (layersToCome: readonly string[]) =>
    live(paper, (context) => planCluster({ ...context, spec, layersToCome }));
  expect((await plan([])).error).toMatchObject({ code: 'HOST_UNFIT' });
  expect((await plan(lock.layers.map(({ id }) => id))).error).toBeUndefined();
});

it('what a lock is made of is of all nodes, with what was asked for', () => {
  const own = { version: 'v1.35', source: 'auto' as const };
  const nodes = [nodeSpec(), nodeSpec({ name: 'old', suite: 'bookworm', kubernetes: own })];
  const spec = clusterSpec({ nodes });
  const choice = { cluster: fromDebian, nodes: { old: fromRelease('v1.35.1') } };
  expect(suitesOf(spec)).toEqual(['bookworm', 'trixie']);
  expect(choicesOf(spec, choice)).toEqual([
    { wanted: undefined, choice: fromDebian },
    { wanted: 'v1.35', choice: fromRelease('v1.35.1') },
  ]);
  expect(choicesOf({ ...spec, nodes: nodes.slice(1) }, choice)).toHaveLength(1);
});

describe('archives of images by a lock', () => {
  let folder: string;
  let file: string;
  let digest: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'knest-locked-images-'));
    file = join(folder, 'app.tar');
    digest = await writeArchive(file);
  });

  afterEach(() => rm(folder, { recursive: true }));

  const lockOf = (sum: string, name = file): Lock =>
    someLock({
      layers: [
        {
          id: 'images-0123456789ab',
          kind: 'images',
          archives: [{ file: name, digest: sum, images: ['locked.example/app:1'] }],
          content: 'f'.repeat(64),
        },
      ],
    });
  const resolve = (lock?: Lock) =>
    resolveImages(
      {
        host: localHost(),
        workstation: thisWorkstation(),
        paths: { state: join(folder, 'state'), cache: join(folder, 'cache') },
      },
      { images: [{ file }], image: { suite: 'trixie', mirror: undefined, ...(lock && { lock }) } },
    );

  it('are read where they are there', async () => {
    expect(await resolve(lockOf(digest))).toEqual([
      { file, content: { digest, images: ['app.example/app:1'] } },
    ]);
  });

  it('need not be there', async () => {
    await rm(file);
    expect(await resolve(lockOf(digest))).toEqual([
      { file, content: { digest, images: ['locked.example/app:1'] } },
    ]);
    await expect(resolve()).rejects.toMatchObject({ problems: [{ message: 'there is no such file' }] });
  });

  it('are refused when they have become others, or were not locked', async () => {
    await expect(resolve(lockOf('0'.repeat(64)))).rejects.toMatchObject({
      problems: [
        {
          path: 'images[0]',
          message: `${file} has sha256 ${digest}, and knest.lock has ${'0'.repeat(64)}`,
        },
      ],
    });
    await expect(resolve(lockOf(digest, '/elsewhere.tar'))).rejects.toMatchObject({
      problems: [{ path: 'images[0]', message: `${file} is not in knest.lock` }],
    });
  });
});

/** As `docker save` writes it. @returns its sha256 */
async function writeArchive(path: string): Promise<string> {
  const chunks: Buffer[] = [];
  const archive = pack();
  const config = JSON.stringify({
    architecture: 'amd64',
    os: 'linux',
    rootfs: { type: 'layers', diff_ids: [] },
  });
  archive.entry({ name: 'config.json' }, config);
  archive.entry(
    { name: 'manifest.json' },
    JSON.stringify([{ Config: 'config.json', RepoTags: ['app.example/app:1'], Layers: [] }]),
  );
  archive.finalize();
  const keep = new Writable({
    write: (chunk: Buffer, _, done) => {
      chunks.push(chunk);
      done();
    },
  });
  await pipeline(archive, keep);
  await writeFile(path, Buffer.concat(chunks));
  return createHash('sha256').update(Buffer.concat(chunks)).digest('hex');
}
