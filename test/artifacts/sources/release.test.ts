import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { ensureLayer, layerPath } from '../../../src/artifacts/layers.ts';
import { kubernetesBinaries } from '../../../src/artifacts/sources/binaries.ts';
import { InputError, KnestError } from '../../../src/errors.ts';
import type { PlannedLayer } from '../../../src/plan/types.ts';
import { buildContext } from '../build-context.ts';
import { fakeBinary, releaseFixture } from '../release-server.ts';
import type { ReleaseFixture, ReleaseFixtureOptions } from '../release-server.ts';

const version = 'v1.30.1';
const id = 'kubernetes-test';
let cache: string;
let server: ReleaseFixture;

beforeEach(async () => {
  cache = await mkdtemp(join(tmpdir(), 'knest-release-'));
  server = await releaseFixture();
});

afterEach(async () => {
  await server.close();
  await rm(cache, { recursive: true });
});

describe('source release', () => {
  it('downloads all binaries, executable', async () => {
    await ensureLayer(layer(), buildContext(cache));
    const { host, paths } = buildContext(cache);
    for (const name of kubernetesBinaries) {
      expect((await host.stat(`${layerPath(paths, id)}/usr/local/bin/${name}`))?.mode).toBe(0o755);
    }
    const { stdout } = await host.run([`${layerPath(paths, id)}/usr/local/bin/kubelet`, '--version']);
    expect(stdout).toBe(`Kubernetes ${version}`);
    expect(await leftovers()).toEqual([]);
  });

  it('continues what a killed knest left, once from the start if that was something else', async () => {
    const whole = fakeBinary('kube-proxy', version);
    await mkdir(`${cache}/build/${id}`, { recursive: true });
    await writeFile(`${cache}/build/${id}/kube-proxy.part`, whole.subarray(0, 1000));
    await writeFile(`${cache}/build/${id}/kube-scheduler.part`, 'of another file');
    await writeFile(`${cache}/build/${id}/kubectl.part`, fakeBinary('kubectl', version));
    await ensureLayer(layer(), buildContext(cache));
    expect(await isWhole('kube-proxy')).toBe(true);
    expect(await isWhole('kube-scheduler')).toBe(true);
    expect(await isWhole('kubectl')).toBe(true);
    expect(server.requests).toContain(`/release/${version}/bin/linux/amd64/kube-proxy bytes=1000-`);
  });

  it('refuses a file whose checksum is wrong, and leaves nothing', async () => {
    await replaceServer({ wrongChecksum: ['kube-scheduler'] });
    const error = await failureOf(ensureLayer(layer(), buildContext(cache)));
    expect(error.message).toMatch(/kube-scheduler has a wrong checksum; the file was removed$/);
    expect(error.details).toEqual([
      expect.stringMatching(/^expected sha256 00000000[0-9a-f]{56}$/),
      expect.stringMatching(/^got {6}sha256 [0-9a-f]{64}$/),
    ]);
    expect(await leftovers()).toEqual([]);
  });

  it('refuses a damaged file of the right length', async () => {
    server.faults.push({ binary: 'kubelet', kind: 'damage', times: 10 });
    const error = await failureOf(ensureLayer(layer(), buildContext(cache)));
    expect(error.message).toContain('kubelet has a wrong checksum');
    expect(await leftovers()).toEqual([]);
  });

  it('names a version that is not there', async () => {
    await replaceServer({ version: 'v1.29.0' });
    const error = await failureOf(ensureLayer(layer(), buildContext(cache)));
    expect(error).toBeInstanceOf(InputError);
    expect(error).toMatchObject({
      problems: [{ path: 'kubernetesVersion', message: `${server.baseUrl} has no Kubernetes ${version}` }],
    });
    expect(await leftovers()).toEqual([]);
  });

  it('names a binary that is not there', async () => {
    await replaceServer({ missing: ['kube-proxy'] });
    const error = await failureOf(ensureLayer(layer(), buildContext(cache)));
    expect(error).toMatchObject({
      problems: [{ path: 'source', message: `${server.baseUrl} has no kube-proxy of ${version} for amd64` }],
    });
  });

  it('names a server that is dead', async () => {
    const dead = server.baseUrl;
    await replaceServer({});
    const error = await failureOf(ensureLayer(layer(dead), buildContext(cache)));
    expect(error.message).toBe(`${new URL(dead).host} does not answer (ECONNREFUSED)`);
    expect(await leftovers()).toEqual([]);
  });

  it('keeps what it has when interrupted', async () => {
    server.faults.push({ binary: 'kubelet', kind: 'status', status: 503, times: 100 });
    const interruption = new AbortController();
    const building = failureOf(ensureLayer(layer(), buildContext(cache, { signal: interruption.signal })));
    await expect.poll(() => readdir(`${cache}/build/${id}`).catch(() => [])).toContain('kubectl');
    interruption.abort();
    await building;
    expect(await leftovers()).toContain(`build/${id}/kubectl`);
    expect(await readdir(`${cache}/layers`)).toEqual([]);
  });
});

function layer(baseUrl = server.baseUrl): PlannedLayer {
  return { kind: 'kubernetes', id, version, source: { kind: 'release', baseUrl } };
}

async function replaceServer(options: ReleaseFixtureOptions): Promise<void> {
  await server.close();
  server = await releaseFixture(options);
}

async function isWhole(name: string): Promise<boolean> {
  return fakeBinary(name, version).equals(await readFile(`${cache}/layers/${id}/usr/local/bin/${name}`));
}

async function failureOf(promise: Promise<unknown>): Promise<KnestError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof KnestError) return error;
  if (error instanceof Error && error.name === 'AbortError')
    return new KnestError(error.message, { code: 'INTERRUPTED' });
  throw new Error(`not an expected failure: ${String(error)}`);
}

/** Everything in the cache but finished layers. */
async function leftovers(): Promise<string[]> {
  const files = await readdir(cache, { recursive: true });
  return files.filter((file) => file !== 'layers' && !new RegExp(`^layers/${id}(\\.json$|$|/)`).test(file));
}
