import { chmod, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { ensureLayer, layerContent, layerPath, listLayers, removeLayer } from '../../src/artifacts/layers.ts';
import { kubernetesBinaries } from '../../src/artifacts/sources/binaries.ts';
import { resolveDirectory } from '../../src/artifacts/sources/directory.ts';
import { localHost } from '../../src/host/local.ts';
import type { PlannedLayer } from '../../src/plan/types.ts';
import { parseSha256 } from '../../src/tools/sha256sum.ts';
import { buildContext } from './build-context.ts';

let folder: string;
let cache: string;
let binaries: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'knest-layers-'));
  cache = join(folder, 'cache');
  binaries = join(folder, 'binaries');
  await fakeBinaries(binaries, 'v1.31.0');
});

afterEach(() => rm(folder, { recursive: true }));

describe('source directory', () => {
  it('asks kubelet for the version and names the layer by the contents', async () => {
    const before = await resolve();
    expect(before).toMatchObject({ version: 'v1.31.0', source: { kind: 'directory', directory: binaries } });
    await writeFile(join(binaries, 'kubectl'), '#!/bin/sh\necho other\n');
    expect((await resolve()).layerId).not.toBe(before.layerId);
  });

  it('takes what `make` left in a Kubernetes checkout', async () => {
    const checkout = join(folder, 'kubernetes');
    await fakeBinaries(join(checkout, '_output', 'bin'), 'v1.32.0-alpha.1');
    expect((await resolve(checkout)).version).toBe('v1.32.0-alpha.1');
  });

  it('lists all that is missing or cannot be run', async () => {
    await rm(join(binaries, 'kubectl'));
    await chmod(join(binaries, 'kube-proxy'), 0o644);
    await expect(resolve()).rejects.toMatchObject({
      problems: [
        { path: 'source', message: `${binaries} lacks kube-proxy, kubectl, or they are not executable` },
      ],
    });
  });

  it('refuses another version than the one wanted, and a folder that is not there', async () => {
    await expect(resolve(binaries, 'v1.30.0')).rejects.toMatchObject({
      problems: [{ path: 'kubernetesVersion' }],
    });
    await expect(resolve(binaries, 'stable-1.30')).rejects.toMatchObject({
      problems: [
        {
          path: 'kubernetesVersion',
          message: `the kubelet in ${binaries} is v1.31.0 and not stable-1.30`,
        },
      ],
    });
    expect((await resolve(binaries, 'v1.31')).version).toBe('v1.31.0');
    await expect(resolve(join(folder, 'nothing'))).rejects.toMatchObject({ problems: [{ path: 'source' }] });
  });

  it('copies one executable under several names once', async () => {
    const multicall = join(folder, 'multicall');
    await mkdir(multicall);
    await writeFile(join(multicall, 'all'), '#!/bin/sh\necho Kubernetes v1.20.2\n', { mode: 0o755 });
    for (const name of kubernetesBinaries) await symlink('all', join(multicall, name));
    const layer = await directoryLayer(multicall);
    const context = buildContext(cache);
    await ensureLayer(layer, context);
    const made = `${layerPath(context.paths, layer.id)}/usr/local/bin`;
    expect((await context.host.stat(`${made}/kube-apiserver`))?.kind).toBe('file');
    expect((await context.host.stat(`${made}/kubelet`))?.kind).toBe('link');
    expect((await context.host.run([`${made}/kubelet`, '--version'])).stdout).toBe('Kubernetes v1.20.2');
  });
});

describe('binaries that are known', () => {
  it('are read once as long as they stay as they are', async () => {
    await mkdir(cache);
    const host = localHost();
    const run = vi.spyOn(host, 'run');
    const context = { local: host, host, paths: { state: '', cache } };
    const digest = async () => {
      run.mockClear();
      const { layerId } = await resolveDirectory(
        { directory: binaries, version: undefined, arch: 'amd64' },
        context,
      );
      const read = run.mock.calls.flatMap(([argv]) => (argv[0] === 'sha256sum' ? argv.slice(2) : []));
      return { layerId, read: read.length };
    };
    const fresh = await digest();
    expect(fresh.read).toBe(kubernetesBinaries.length);
    // not trusted so soon after they were written
    expect(await digest()).toEqual(fresh);
    await sleep(2_100);
    expect(await digest()).toEqual(fresh);
    expect(await digest()).toEqual({ ...fresh, read: 0 });
    await writeFile(join(binaries, 'kubectl'), '#!/bin/sh\necho other\n');
    const changed = await digest();
    expect(changed.layerId).not.toBe(fresh.layerId);
    expect(changed.read).toBe(1);
  });
});

describe('ensureLayer', () => {
  it('builds once, then finds it', async () => {
    const layer = await directoryLayer();
    expect(await ensureLayer(layer, buildContext(cache))).toBe('built');
    expect(await ensureLayer(layer, buildContext(cache))).toBe('present');
    expect(await readdir(join(cache, 'layers'))).toEqual([layer.id, `${layer.id}.json`]);
    expect(await listLayers({ state: '', cache }, localHost())).toMatchObject([
      { id: layer.id, kind: 'kubernetes', arch: 'amd64', version: 'v1.31.0', source: { kind: 'directory' } },
    ]);
  });

  it('lets one of two build and the other wait', async () => {
    const layer = await directoryLayer();
    const [one, two] = [buildContext(cache), buildContext(cache)];
    const results = await Promise.all([ensureLayer(layer, one), ensureLayer(layer, two)]);
    expect(results.sort()).toEqual(['built', 'present']);
    expect([...one.told, ...two.told]).toContain(
      `waiting for another knest (pid ${process.pid}) that is making it`,
    );
  });

  it('clears away what a killed build left, lock included', async () => {
    const layer = await directoryLayer();
    await mkdir(join(cache, 'layers', `${layer.id}.partial`, 'half'), { recursive: true });
    // pid, start time and boot id of nobody
    await symlink(
      '4194304 1 00000000-0000-0000-0000-000000000000',
      join(cache, 'layers', `${layer.id}.lock`),
    );
    expect(await ensureLayer(layer, buildContext(cache))).toBe('built');
    expect(await readdir(join(cache, 'layers', layer.id))).toEqual(['usr']);
    expect(await readdir(join(cache, 'layers'))).toEqual([layer.id, `${layer.id}.json`]);
  });

  it('leaves nothing when the build fails', async () => {
    const layer = await directoryLayer();
    await writeFile(join(binaries, 'kubectl'), 'changed');
    await expect(ensureLayer(layer, buildContext(cache))).rejects.toThrow(/changed while they were copied/);
    expect(await readdir(join(cache, 'layers'))).toEqual([]);
    expect(await readdir(cache)).toEqual(['layers']);
  });

  it('does not begin without space', async () => {
    const facts = { freeBytes: { state: 1e12, cache: 0.2e9 } };
    const layer = await directoryLayer();
    await expect(ensureLayer(layer, buildContext(cache, { facts }))).rejects.toMatchObject({
      kind: 'preflight',
      message: expect.stringMatching(/has 0\.2 GB free; making \S+ takes 0\.7 GB$/) as string,
    });
  });

  it('refuses what is not locked, and leaves nothing of it', async () => {
    const layer = { ...(await directoryLayer()), content: '0'.repeat(64) };
    await expect(ensureLayer(layer, buildContext(cache))).rejects.toMatchObject({
      code: 'LOCK_MISMATCH',
      message: `${layer.id} is not what knest.lock says`,
      details: [
        `locked: content sha256 ${'0'.repeat(64)}`,
        expect.stringMatching(/^found: {2}content sha256 [0-9a-f]{64}$/),
      ],
    });
    expect(await readdir(join(cache, 'layers'))).toEqual([]);
  });

  it('reads a layer that is there once to compare it, and keeps it', async () => {
    const layer = await directoryLayer();
    await ensureLayer(layer, buildContext(cache));
    const content = await layerContent(layer.id, buildContext(cache));
    const other = ensureLayer({ ...layer, content: '0'.repeat(64) }, buildContext(cache));
    await expect(other).rejects.toMatchObject({ code: 'LOCK_MISMATCH' });
    const context = buildContext(cache);
    const run = vi.spyOn(context.host, 'run');
    expect(await ensureLayer({ ...layer, content }, context)).toBe('present');
    expect(run).not.toHaveBeenCalled();
  });

  it('names the binaries of a directory that are not the locked ones', async () => {
    const layer = await directoryLayer();
    const { stdout } = await localHost().run([
      'sha256sum',
      ...kubernetesBinaries.map((name) => join(binaries, name)),
    ]);
    const sums = parseSha256(stdout);
    const locked = Object.fromEntries(kubernetesBinaries.map((name, index) => [name, sums[index] ?? '']));
    await writeFile(join(binaries, 'kubectl'), '#!/bin/sh\necho other\n');
    await expect(ensureLayer({ ...layer, binaries: locked }, buildContext(cache))).rejects.toMatchObject({
      code: 'LOCK_MISMATCH',
      message: `${binaries} has other binaries than knest.lock: kubectl`,
    });
  });

  it('removes a layer whole', async () => {
    const layer = await directoryLayer();
    const { host, paths } = buildContext(cache);
    await ensureLayer(layer, buildContext(cache));
    await removeLayer(paths, layer.id, host);
    expect(await readdir(join(cache, 'layers'))).toEqual([]);
    await removeLayer(paths, layer.id, host);
  });
});

function resolve(directory = binaries, version?: string) {
  const { host, user, paths } = buildContext(cache);
  return resolveDirectory({ directory, version, arch: 'amd64' }, { local: user.local, host, paths });
}

async function directoryLayer(directory = binaries): Promise<PlannedLayer & { kind: 'kubernetes' }> {
  const { layerId, version, source } = await resolve(directory);
  return { kind: 'kubernetes', id: layerId, version, source };
}

async function fakeBinaries(directory: string, version: string): Promise<void> {
  await mkdir(directory, { recursive: true });
  for (const name of kubernetesBinaries) {
    const script = `#!/bin/sh\necho ${name === 'kubelet' ? `Kubernetes ${version}` : name}\n`;
    await writeFile(join(directory, name), script, { mode: 0o755 });
  }
}
