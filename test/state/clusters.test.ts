import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { localHost } from '../../src/host/local.ts';
import type { Host } from '../../src/host/types.ts';
import {
  clusterFolder,
  clusterLock,
  forgetCluster,
  listClusterNames,
  markCreated,
  readCluster,
  readKeyMaterial,
  requireCluster,
  writeCluster,
  writeKeyMaterial,
} from '../../src/state/clusters.ts';
import { pathsFromEnvironment } from '../../src/workstation/paths.ts';
import { clusterSpec, planOf } from '../fixtures/cluster.ts';

const host = localHost();
let paths: { state: string; cache: string };

beforeEach(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'knest-state-'));
  paths = { state: join(folder, 'state'), cache: join(folder, 'cache') };
});

afterEach(() => rm(join(paths.state, '..'), { recursive: true }));

describe('a cluster’s record', () => {
  it('comes back as it was written, half-made until it is marked', async () => {
    const spec = clusterSpec({ name: 'dev' });
    const plan = planOf({ spec });
    await writeCluster(host, paths, spec, plan);
    expect(await readCluster(host, paths, 'dev')).toEqual({
      ...{ spec, plan, created: undefined },
      applied: { cluster: undefined, machines: [] },
    });
    await markCreated(host, paths, plan, new Map(), new Date('2030-01-02T03:04:05Z'));
    expect((await readCluster(host, paths, 'dev'))?.created).toBe('2030-01-02T03:04:05.000Z');
  });

  it('is for root only', async () => {
    await writeCluster(host, paths, clusterSpec(), planOf());
    const folder = clusterFolder(paths, 'knest');
    expect((await stat(folder)).mode & 0o777).toBe(0o700);
    for (const file of await readdir(folder))
      expect((await stat(join(folder, file))).mode & 0o777).toBe(0o600);
  });

  it('is no record when a killed knest had not finished it', async () => {
    await writeCluster(host, paths, clusterSpec(), planOf());
    await host.remove(join(clusterFolder(paths, 'knest'), 'plan.json'));
    expect(await readCluster(host, paths, 'knest')).toBeUndefined();
    // but it is listed, so that it can be deleted
    expect(await listClusterNames(host, paths)).toEqual(['knest']);
  });

  it('is gone when forgotten, without its lock being touched', async () => {
    await writeCluster(host, paths, clusterSpec(), planOf());
    await host.writeFile(clusterLock(paths, 'knest'), 'held', 0o644);
    await forgetCluster(host, paths, 'knest');
    expect(await listClusterNames(host, paths)).toEqual([]);
    expect(await host.readFile(clusterLock(paths, 'knest'))).toBe('held');
    await forgetCluster(host, paths, 'knest');
  });

  it('is asked for by name, and a wrong name tells the right ones', async () => {
    const missing = requireCluster(host, paths, 'dev');
    await expect(missing).rejects.toMatchObject({
      kind: 'notFound',
      hint: expect.stringContaining('knest create') as string,
    });
    await writeCluster(host, paths, clusterSpec(), planOf());
    await expect(requireCluster(host, paths, 'dev')).rejects.toMatchObject({
      kind: 'notFound',
      message: 'there is no cluster "dev"',
      hint: 'there is: knest',
    });
    expect((await requireCluster(host, paths, 'knest')).plan.cluster).toBe('knest');
  });
});

describe('key material', () => {
  const material = new Map([
    ['ca.crt', 'certificate'],
    ['ca.key', 'key'],
    ['sa.pub', 'public'],
  ]);

  it('comes back as it was written, readable by root only', async () => {
    await writeKeyMaterial(host, paths, 'dev', material, new Map());
    const folder = `${clusterFolder(paths, 'dev')}/pki`;
    await writeFile(join(folder, 'ca.crt.1-ff.tmp'), 'left by a killed knest');
    expect(await readKeyMaterial(host, paths, 'dev')).toEqual(material);
    expect((await stat(folder)).mode & 0o777).toBe(0o700);
    for (const name of material.keys()) expect((await stat(join(folder, name))).mode & 0o777).toBe(0o600);
  });

  it('is empty where there is none', async () => {
    expect(await readKeyMaterial(host, paths, 'dev')).toEqual(new Map());
  });

  it('is written only where it has changed, keys before certificates', async () => {
    const written: string[] = [];
    const noting: Host = {
      ...host,
      writeFile: async (path, content, mode, options) => {
        // a power cut leaves whole files
        expect(options).toEqual({ sync: true });
        written.push(path.slice(path.lastIndexOf('/') + 1));
        await host.writeFile(path, content, mode, options);
      },
    };
    await writeKeyMaterial(noting, paths, 'dev', material, new Map([['sa.pub', 'public']]));
    expect(written).toEqual(['ca.key', 'ca.crt']);
    await writeKeyMaterial(noting, paths, 'dev', material, material);
    expect(written.length).toBe(2);
  });
});

describe('pathsFromEnvironment', () => {
  it.each([
    [{}, '/var/lib/knest', '/var/cache/knest'],
    [{ KNEST_STATE_DIR: '/s' }, '/s', '/var/cache/knest'],
    [{ KNEST_STATE_DIR: '/s', KNEST_CACHE_DIR: '/c' }, '/s', '/c'],
  ])('of %j is %s and %s', (environment, state, cache) => {
    expect(pathsFromEnvironment(environment)).toEqual({ state, cache });
  });

  it.each(['relative', '~/knest', '/my disk/knest', '/a:b', '/100%', '/a,b', '/$HOME'])(
    'refuses %s',
    (folder) => {
      expect(() => pathsFromEnvironment({ KNEST_STATE_DIR: folder, KNEST_CACHE_DIR: folder })).toThrow(
        'environment: 2 problems',
      );
    },
  );
});
