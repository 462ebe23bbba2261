import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import type { Api } from '../../src/cli/cli.ts';
import { bundledSpec } from '../../src/operations/bundle/use-bundle.ts';
import { renderLock } from '../../src/spec/lock.ts';
import { someLock } from '../fixtures/lock.ts';
import { runCli } from './run-cli.ts';

const config = 'apiVersion: knest.dev/v1alpha1\nkind: Cluster\nname: lab\n';
const created = {
  ...{
    name: 'lab',
    context: 'knest-lab',
    kubeconfig: '/root/.kube/config',
    endpoint: 'https://192.0.2.1:6443',
  },
  ...{ kubernetesVersion: 'v1.36.2', nodes: ['lab-control-plane'], seconds: 1 },
};
const createCluster = vi.fn<Api['createCluster']>(() => Promise.resolve(created));
const create = (...argv: string[]) =>
  runCli(['create', 'cluster', '--config', join(folder, 'cluster.yaml'), ...argv], {
    api: { createCluster },
  });
const lockOf = (call = createCluster.mock.lastCall) => call?.[0].spec.image.lock;
let folder: string;

beforeEach(async () => {
  createCluster.mockClear();
  folder = await mkdtemp(join(tmpdir(), 'knest-cli-lock-'));
  await writeFile(join(folder, 'cluster.yaml'), config);
});

afterEach(() => rm(folder, { recursive: true }));

const writeLock = () => writeFile(join(folder, 'knest.lock'), renderLock(someLock()));

describe('a lock beside the config', () => {
  it('counts, and that is said', async () => {
    await writeLock();
    const { exitCode, stderr } = await create();
    expect(exitCode, stderr).toBe(0);
    expect(lockOf()).toEqual(someLock());
    expect(stderr).toContain(`Nodes are made as ${join(folder, 'knest.lock')} says\n`);
  });

  it('does not count with --no-lock, nor where there is none', async () => {
    await create();
    expect(createCluster).toHaveBeenCalledOnce();
    expect(lockOf()).toBeUndefined();
    await writeLock();
    const { stderr } = await create('--no-lock');
    expect(lockOf()).toBeUndefined();
    expect(stderr).not.toContain('knest.lock');
  });

  it('counts for plan cluster and build image as well', async () => {
    await writeLock();
    const file = join(folder, 'cluster.yaml');
    const buildImage = vi.fn<Api['buildImage']>(() =>
      Promise.resolve({ layers: [], kubernetesVersion: 'v1' }),
    );
    await runCli(['build', 'image', '--config', file], { api: { buildImage } });
    expect(buildImage.mock.lastCall?.[0].spec.image.lock).toEqual(someLock());
    const planCluster = vi.fn<Api['planCluster']>(() => Promise.reject(new Error('seen')));
    await runCli(['plan', 'cluster', '--config', file], { api: { planCluster } });
    expect(planCluster.mock.lastCall?.[0].spec.image.lock).toEqual(someLock());
  });

  it('is wanted by --locked', async () => {
    const { exitCode, stderr } = await create('--locked');
    expect(exitCode).toBe(2);
    expect(stderr).toContain('--locked: there is no knest.lock that says what the nodes are made of');
    expect(createCluster).not.toHaveBeenCalled();
    const none = await runCli(['create', 'cluster', '--locked'], { api: { createCluster } });
    expect(none.stderr).toContain('--locked: there is no config file that says');
    await writeLock();
    expect((await create('--locked')).exitCode).toBe(0);
  });

  it('that is damaged is refused with its line', async () => {
    await writeFile(
      join(folder, 'knest.lock'),
      renderLock(someLock()).replace('version: 1\n', 'version: one\n'),
    );
    const { exitCode, stderr } = await create();
    expect(exitCode).toBe(2);
    expect(stderr).toContain('knest.lock:3:1  version: ');
    expect(createCluster).not.toHaveBeenCalled();
  });
});

describe('knest lock', () => {
  it('writes beside the config, whatever is there, and shows what is locked', async () => {
    await writeLock();
    const lockCluster = vi.fn<Api['lockCluster']>(({ file }) => Promise.resolve({ file, lock: someLock() }));
    const argv = ['lock', '--config', join(folder, 'cluster.yaml')];
    const { exitCode, stdout, stderr } = await runCli(argv, { api: { lockCluster } });
    expect(exitCode, stderr).toBe(0);
    expect(lockCluster.mock.lastCall?.[0]).toMatchObject({ file: join(folder, 'knest.lock'), yes: false });
    expect(lockCluster.mock.lastCall?.[0].spec.image.lock).toBeUndefined();
    expect(stdout.split('\n').map((line) => line.replaceAll(/ {2,}/g, ' | '))).toEqual([
      'LAYER | KIND | MADE OF | CONTENT',
      `${someLock().layers[0]?.id ?? ''} | rootfs | 2 packages of trixie, 2026-11-25 | dddddddddddd`,
      'kubernetes-v1.36.2-release-amd64-0123456789ab | kubernetes | 6 binaries of v1.36.2 (release) | cccccccccccc',
      'images-0123456789ab | images | archives of images: 1 | ffffffffffff',
      '',
    ]);
  });

  it('needs a config', async () => {
    expect((await runCli(['lock'])).exitCode).toBe(2);
    const piped = await runCli(['lock', '--config', '-'], { stdin: config });
    expect(piped.exitCode).toBe(2);
    expect(piped.stderr).toContain('--config: must be a file, beside which its lock is');
  });
});

describe('bundles', () => {
  const members = [{ name: 'knest.lock', offset: 1024, size: 2_000_000, sha256: 'a'.repeat(64) }];
  const bundle = { format: 1 as const, knest: '0.1.0', arch: 'amd64', cluster: 'lab', members };
  const opened = { file: 'lab.knest', index: bundle, signed: true };
  const bundled = {
    bundle: opened,
    config: { text: config, name: 'lab.knest:cluster.yaml' },
    lock: someLock(),
    references: { certificates: {}, manifests: {} },
  };
  const readBundle = vi.fn<Api['readBundle']>(() => Promise.resolve(bundled));
  const bringIn = vi.fn<Api['bringIn']>(() => Promise.resolve());
  const createBundle = vi.fn<Api['createBundle']>(({ file }) =>
    Promise.resolve({ ...bundle, file, signed: false }),
  );

  it('are made of the lock that is there', async () => {
    await writeLock();
    const argv = ['bundle', 'create', '--config', join(folder, 'cluster.yaml'), '-o', 'lab.knest'];
    const { exitCode, stderr } = await runCli(argv, { api: { createBundle } });
    expect(exitCode, stderr).toBe(0);
    expect(createBundle.mock.lastCall?.[0]).toMatchObject({ lock: someLock(), config, file: 'lab.knest' });
    expect(stderr).toContain('lab.knest is 2MB. On a machine without a network:\n');
  });

  it('are locked first where there is no lock', async () => {
    const lockCluster = vi.fn<Api['lockCluster']>(({ file }) => Promise.resolve({ file, lock: someLock() }));
    const argv = ['bundle', 'create', '--config', join(folder, 'cluster.yaml'), '-o', 'lab.knest'];
    await runCli([...argv, '--sign-key', 'key.pem'], { api: { createBundle, lockCluster } });
    expect(lockCluster.mock.lastCall?.[0].file).toBe(join(folder, 'knest.lock'));
    expect(createBundle.mock.lastCall?.[0]).toMatchObject({ lock: someLock(), signKey: 'key.pem' });
  });

  it('bring config, lock and layers; flags override the config', async () => {
    const argv = ['create', 'cluster', '--bundle', 'lab.knest', '--name', 'other'];
    const { exitCode, stderr } = await runCli(argv, {
      api: { createCluster, readBundle, bringIn, bundledSpec },
    });
    expect(exitCode, stderr).toBe(0);
    expect(readBundle.mock.lastCall).toEqual([{ file: 'lab.knest' }]);
    expect(bringIn.mock.lastCall?.[1]).toBe(bundled);
    expect(createCluster.mock.lastCall?.[0].spec.name).toBe('other');
    expect(lockOf()).toEqual(someLock());
    expect(stderr).toContain('lab.knest is signed; by whom is not looked at without --verify-key');
  });

  it('are planned as they would be made, and nothing is brought in', async () => {
    bringIn.mockClear();
    const planCluster = vi.fn<Api['planCluster']>(() => Promise.reject(new Error('seen')));
    const argv = ['plan', 'cluster', '--bundle', 'lab.knest', '--verify-key', 'k.pem', '--nodes', '3'];
    await runCli(argv, { api: { planCluster, readBundle, bringIn, bundledSpec } });
    expect(readBundle.mock.lastCall).toEqual([{ file: 'lab.knest', verifyKey: 'k.pem' }]);
    const asked = planCluster.mock.lastCall?.[0];
    expect(asked?.spec.nodes).toHaveLength(3);
    expect(asked?.spec.image.lock).toEqual(someLock());
    expect(asked?.layersToCome).toEqual(someLock().layers.map(({ id }) => id));
    expect(bringIn).not.toHaveBeenCalled();
  });

  it('are brought in only when the config can be used', async () => {
    bringIn.mockClear();
    const argv = ['create', 'cluster', '--bundle', 'lab.knest', '--nodes', 'many'];
    expect((await runCli(argv, { api: { createCluster, readBundle, bringIn, bundledSpec } })).exitCode).toBe(
      2,
    );
    expect(bringIn).not.toHaveBeenCalled();
  });

  it.each([
    [['--verify-key', 'k.pem'], '--verify-key: is for a bundle: --bundle FILE'],
    [['--bundle', 'b', '--no-lock'], '--no-lock: is not for a bundle, which has its own lock'],
    [['--bundle', 'b', '--locked'], '--locked: is not for a bundle, which has its own lock'],
  ])('do not go together with all flags: %s', async (flags, message) => {
    const { exitCode, stderr } = await runCli(['create', 'cluster', ...flags], { api: { createCluster } });
    expect(exitCode).toBe(2);
    expect(stderr).toContain(message);
    expect(createCluster).not.toHaveBeenCalled();
  });

  it('are verified', async () => {
    const verifyBundle = vi.fn<Api['verifyBundle']>(({ file }) =>
      Promise.resolve({ ...bundle, file, signed: true }),
    );
    const argv = ['bundle', 'verify', 'lab.knest', '--verify-key', 'key.pub.pem'];
    const { stdout, stderr } = await runCli(argv, { api: { verifyBundle } });
    expect(verifyBundle.mock.lastCall?.[0]).toMatchObject({ file: 'lab.knest', verifyKey: 'key.pub.pem' });
    expect(stderr).toBe('lab.knest is whole: "lab" for amd64, of knest 0.1.0, signed with key.pub.pem.\n');
    expect(stdout).toContain(`knest.lock   2MB    ${'a'.repeat(64)}`);
  });
});
