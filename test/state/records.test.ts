/** Records of other versions, and damaged ones. */

import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { runOf } from '../../src/plan/managers/run-of.ts';
import { thisWorkstation } from '../../src/workstation/workstation.ts';
import { diffPlans, isEmpty } from '../../src/diff/diff-plans.ts';
import { KnestError } from '../../src/errors.ts';
import { localHost } from '../../src/host/local.ts';
import { readClusters } from '../../src/operations/find-machines.ts';
import { appliedPlan, renewedKeys } from '../../src/state/applied.ts';
import {
  clusterFolder,
  listClusterNames,
  markCreated,
  readCluster,
  writeCluster,
  writeKeyMaterial,
} from '../../src/state/clusters.ts';
import { migratePlan } from '../../src/state/migrate.ts';
import { checkPlan } from '../../src/state/plan-schema.ts';
import { DamagedRecord } from '../../src/state/record-file.ts';
import { clusterSpec, nodesOf, planOf } from '../fixtures/cluster.ts';

const host = localHost();
const fixture = join(import.meta.dirname, '../fixtures/records/version-2');
const created = new Date('2030-01-02T03:04:05Z');
let paths: { state: string; cache: string };

beforeEach(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'knest-records-'));
  paths = { state: join(folder, 'state'), cache: join(folder, 'cache') };
});

afterEach(() => rm(join(paths.state, '..'), { recursive: true }));

const place = (cluster: string, file: string): string => join(clusterFolder(paths, cluster), file);

async function make(name: string): Promise<void> {
  const spec = clusterSpec({ name });
  const plan = planOf({ spec });
  await writeCluster(host, paths, spec, plan);
  await markCreated(host, paths, plan, new Map(), created);
}

describe('a record of version 2', () => {
  beforeEach(async () => {
    await mkdir(clusterFolder(paths, 'old'), { recursive: true });
    for (const file of ['spec.json', 'plan.json']) {
      await writeFile(place('old', file), await readFile(join(fixture, file)));
    }
    await writeFile(place('old', 'created'), '2030-01-02T03:04:05.000Z\n');
  });

  it('is read as what this version would have planned', async () => {
    const record = await readCluster(host, paths, 'old');
    const spec = clusterSpec({
      name: 'old',
      manager: 'direct',
      nodes: nodesOf('control-plane', 'control-plane', 'worker'),
    });
    const today = planOf({ spec });
    expect(record?.plan).toMatchObject({ version: 3, kubernetesLayer: today.kubernetesLayer });
    for (const [index, machine] of today.machines.entries()) {
      const read = record?.plan.machines[index];
      expect(read?.liveCommands).toEqual(machine.liveCommands);
      expect(read && runOf(read, 'direct').startupCpuBoost).toEqual(runOf(machine, 'direct').startupCpuBoost);
    }
    expect(JSON.stringify(record?.plan)).not.toMatch(/"live"|"favour"|"launch"|"service"|"units":\{/);
    expect(record?.spec.nodes.map(({ name }) => name)).toEqual(today.machines.map(({ name }) => name));
  });

  it('counts as carried out, and has nothing to do', async () => {
    const record = await readCluster(host, paths, 'old');
    if (!record) throw new Error('no record');
    expect(isEmpty(diffPlans(appliedPlan(record.applied), record.plan))).toBe(true);
  });

  it('remembers at its first change what was carried out, with the keys of that time', async () => {
    const record = await readCluster(host, paths, 'old');
    if (!record) throw new Error('no record');
    const file = 'kubelet-serving-old-worker.crt';
    await mkdir(place('old', 'pki'));
    await writeFile(place('old', `pki/${file}`), 'old');
    const material = new Map([[file, 'new']]);
    await writeKeyMaterial(host, paths, 'old', material, new Map([[file, 'old']]));
    const plan = { ...record.plan, server: 'https://192.0.2.1:6443' };
    await writeCluster(host, paths, record.spec, plan);
    const found = await readCluster(host, paths, 'old');
    expect(found?.plan.server).toBe(plan.server);
    expect(found?.applied.cluster?.server).toBe(record.plan.server);
    expect(found && renewedKeys(found.applied, material).get('old-worker')).toEqual(new Set([file]));
  });

  it('is half made when it was', async () => {
    await rm(place('old', 'created'));
    expect(await readCluster(host, paths, 'old')).toMatchObject({
      applied: { machines: [] },
      created: undefined,
    });
  });
});

describe('the wanted plan', () => {
  it('and its spec are changed together, wherever the writer is killed', async () => {
    await make('dev');
    const spec = clusterSpec({ name: 'dev', nodes: nodesOf('control-plane', 'worker') });
    const plan = planOf({ spec });
    for (let calls = 0; ; calls += 1) {
      let left = calls;
      const guard = <T>(call: () => Promise<T>): Promise<T> => {
        left -= 1;
        return left < 0 ? Promise.reject(new Error('killed')) : call();
      };
      const dying = {
        ...host,
        writeFile: (path: string, text: string | Uint8Array, mode: number) =>
          guard(() => host.writeFile(path, text, mode)),
        rename: (from: string, to: string) => guard(() => host.rename(from, to)),
      };
      await writeCluster(dying, paths, spec, plan).catch(() => undefined);
      const found = await readCluster(host, paths, 'dev');
      expect(found?.spec.nodes.length).toBe(found?.plan.machines.length);
      if (left >= 0) break;
    }
    expect((await readCluster(host, paths, 'dev'))?.plan.machines).toHaveLength(2);
  });
});

describe('a newer record', () => {
  it('is refused, and says so', async () => {
    await make('dev');
    const plan = JSON.parse(await readFile(place('dev', 'plan.json'), 'utf8')) as object;
    await writeFile(place('dev', 'plan.json'), JSON.stringify({ ...plan, version: 4 }));
    await expect(readCluster(host, paths, 'dev')).rejects.toMatchObject({
      kind: 'failed',
      message: expect.stringMatching(/newer knest: .*plan.json has format 4, this knest knows 3/) as string,
      hint: 'use that newer knest, also to delete the cluster',
    });
    await expect(readCluster(host, paths, 'dev')).rejects.not.toBeInstanceOf(DamagedRecord);
  });
});

describe('a damaged record', () => {
  const damages: [string, (path: string) => Promise<void>][] = [
    ['is cut off', (path) => readFile(path, 'utf8').then((text) => writeFile(path, text.slice(0, -9)))],
    ['is empty', (path) => writeFile(path, '')],
    ['is something else', (path) => writeFile(path, '{"version":3}')],
    ['is missing', (path) => rm(path)],
    ['is a list', (path) => writeFile(path, '[]')],
    [
      'is a folder',
      (path) =>
        rm(path)
          .then(() => mkdir(path))
          .then(() => undefined),
    ],
  ];
  const files = ['plan.json', 'spec.json', 'applied/host.json', 'applied/machines/dev-control-plane.json'];
  const cases = damages
    .flatMap(([what, damage]) => files.map((file) => ({ what, damage, file })))
    // what has not been carried out has no record there
    .filter(({ what, file }) => what !== 'is missing' || !file.startsWith('applied'));

  it.each(cases)('whose $file $what names the file and takes no other with it', async ({ damage, file }) => {
    await make('dev');
    await make('other');
    await damage(place('dev', file));
    const error = await readCluster(host, paths, 'dev').then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(KnestError);
    expect(error).toMatchObject({
      message: expect.stringContaining(place('dev', file)) as string,
      hint: expect.stringContaining('knest delete cluster --name dev') as string,
    });
    const notes: string[] = [];
    const session = {
      ...{ host, paths, workstation: thisWorkstation(), signal: new AbortController().signal },
      listener: (event: { type: string; message?: string }) => {
        if (event.type === 'note') notes.push(event.message ?? '');
      },
    };
    expect((await readClusters(session)).map(({ plan }) => plan.cluster)).toEqual(['other']);
    expect(notes).toEqual([expect.stringContaining(place('dev', file))]);
    expect(await listClusterNames(host, paths)).toEqual(['dev', 'other']);
  });
});

describe('the schema', () => {
  it('takes every plan as it is', () => {
    const plan = planOf({ spec: { nodes: nodesOf('control-plane', 'worker') } });
    expect(checkPlan(plan)).toEqual({ value: plan });
  });

  it('says where a plan is wrong', () => {
    const plan = planOf();
    expect(checkPlan({ ...plan, machines: [{ ...plan.machines[0], role: 'boss' }] })).toEqual({
      problem: expect.stringMatching(/^machines\.0\.role: /) as string,
    });
  });

  it('leaves what is no plan alone', () => {
    for (const value of [undefined, 'x', 3, [], { version: 'x' }]) expect(migratePlan(value)).toEqual(value);
  });
});
