import { afterAll, describe, expect, it, vi } from 'vitest';

import { layerInfo } from '../../../src/artifacts/layer-info.ts';
import { createCluster } from '../../../src/operations/create/create-cluster.ts';
import { unfinishedChange } from '../../../src/operations/change/open-cluster.ts';
import type * as controlPlane from '../../../src/operations/change/control-plane-turn.ts';
import type { RestoreOptions } from '../../../src/operations/etcd-snapshot/restore.ts';
import { rollbackCluster } from '../../../src/operations/rollback/rollback-cluster.ts';
import { startCluster } from '../../../src/operations/start-stop/clusters.ts';
import type { OpenCluster } from '../../../src/operations/change/open-cluster.ts';
import { upgradeCluster } from '../../../src/operations/upgrade/upgrade-cluster.ts';
import type { UpgradeResult } from '../../../src/operations/upgrade/types.ts';
import type * as issue from '../../../src/pki/issue.ts';
import { readKeyMaterial, requireCluster } from '../../../src/state/clusters.ts';
import { listGenerations } from '../../../src/state/history.ts';
import { readPendingRestore } from '../../../src/state/pending-restore.ts';
import { clusterSpec, nodesOf } from '../../fixtures/cluster.ts';
import { allWords, live, notes, sayable, untold } from './lives.ts';
import type { Life, Verb } from './lives.ts';
import { closeApis } from './paper-api.ts';
import { copyOf, paperHost, paths } from './paper-host.ts';
import type { PaperHost } from './paper-host.ts';

vi.mock('../../../src/workstation/agent-program.ts', () => ({
  agentProgram: () => Promise.resolve('agent'),
}));
vi.mock('../../../src/pki/issue.ts', async (original) =>
  (await import('./quick-keys.ts')).quickly(await original<typeof issue>()),
);
// there is no etcd on paper: what is asked of it has its own tests
vi.mock('../../../src/operations/change/control-plane-turn.ts', async (original) => ({
  ...(await original<typeof controlPlane>()),
  handOverEtcd: () => Promise.resolve(),
  waitForEtcd: () => Promise.resolve(),
  waitForProbes: () => Promise.resolve(),
}));
vi.mock('../../../src/operations/upgrade/look.ts', () => ({
  lookAtCluster: ({ record }: OpenCluster) => {
    const expected = record.plan.machines.map(({ name }) => name);
    const nodes = expected.map((name) => ({ name, ready: true, conditions: [] }));
    const etcd = { quorum: true, members: [] };
    return Promise.resolve({ etcd, api: { nodes }, expected, requests: [], objects: {}, storedVersions: [] });
  },
}));
vi.mock('../../../src/operations/upgrade/keep-etcd.ts', () => ({
  keepEtcd: async ({ session: { host } }: OpenCluster, path: string) => {
    await host.writeFile(path, 'data of etcd', 0o600);
    return { taken: '2030-01-02T03:04:05.000Z', etcd: '3.5.16', revision: '7', keys: 3, size: 12 };
  },
}));
vi.mock('../../../src/operations/etcd-snapshot/restore.ts', () => ({
  restoreEtcdSnapshot: async ({ host, machines, file }: RestoreOptions) => {
    for (const { folder } of machines)
      await host.writeFile(`${folder}/data/etcd/member`, (await host.readFile(file)) ?? '', 0o600);
  },
}));
afterAll(closeApis);

const name = 'knest';
const wait = 3_000;
const spec = clusterSpec({
  nodes: nodesOf('control-plane', 'worker'),
  kubernetes: { ...clusterSpec().kubernetes, version: 'v1.33.1' },
});
const create: Verb = (context) => createCluster({ ...context, spec, wait });
const upgradeTo =
  (kubernetesVersion: string): Verb =>
  (context) =>
    upgradeCluster({ ...context, name, kubernetesVersion, wait });
const upgrade = upgradeTo('v1.35.1');
const rollback: Verb = (context) => rollbackCluster({ ...context, name, wait });
const start: Verb = (context) => startCluster({ ...context, name, wait });

const running = await paperHost();
for (const version of ['v1.33.2', 'v1.34.7', 'v1.35.1']) {
  const source = { kind: 'release' as const, baseUrl: 'https://dl.k8s.io' };
  const layer = { kind: 'kubernetes' as const, id: `kubernetes-${version}-release`, version, source };
  await running.host.makeDirectory(`${paths.cache}/layers/${layer.id}`, 0o755);
  const info = JSON.stringify(layerInfo(layer, 'amd64'));
  await running.host.writeFile(`${paths.cache}/layers/${layer.id}.json`, info, 0o644);
}
const made = await live(running, create);
const upgraded = await copyOf(running);
const good = await live(upgraded, upgrade);

async function versions({ host }: PaperHost): Promise<string[]> {
  const { applied } = await requireCluster(host, paths, name);
  return applied.machines.map(({ machine }) => machine.kubernetesVersion);
}

async function expectSettled({ host }: PaperHost): Promise<void> {
  const record = await requireCluster(host, paths, name);
  const material = await readKeyMaterial(host, paths, name);
  expect(unfinishedChange({ record, material })).toBeUndefined();
  expect(await readPendingRestore(host, paths, name)).toBeUndefined();
  expect(await host.list(`${paths.state}/locks`)).toEqual([]);
}

function expectTold(life: Life): void {
  if (life.error === undefined) return;
  expect(allWords(sayable(life.error))).toContain('scripted');
  expect(untold(life.events)).toEqual([]);
}

const both = (version: string): string[] => [version, version];
const places = (life: Life, count: number): number[] =>
  Array.from({ length: count }, (_, index) => Math.floor((index * life.calls.length) / count));

describe('an upgrade', () => {
  it('goes over the line in between', async () => {
    expect(made.error).toBeUndefined();
    expect(good.error).toBeUndefined();
    expect(await versions(upgraded)).toEqual(both('v1.35.1'));
    expect(notes(good.events)).toContain('step 1 of 2: v1.34.7 for knest-control-plane');
    const [generation, ...others] = await listGenerations(upgraded.host, paths, name);
    expect(others).toEqual([]);
    expect(generation).toMatchObject({
      ...{ number: 1, before: 'upgrade', kubernetesVersion: 'v1.33.1', done: true },
      says: 'Kubernetes v1.33.1 -> v1.34.7 -> v1.35.1',
    });
    await expectSettled(upgraded);
  });

  it('does nothing the second time', async () => {
    const again = await copyOf(upgraded);
    let result: UpgradeResult | undefined;
    const life = await live(again, async (context) => {
      result = await upgradeCluster({ ...context, name, kubernetesVersion: 'v1.35.1' });
    });
    expect(life.error).toBeUndefined();
    expect(result?.stages).toEqual([]);
    expect(await listGenerations(again.host, paths, name)).toHaveLength(1);
  });

  it('only says what it would do', async () => {
    const paper = await copyOf(running);
    let result: UpgradeResult | undefined;
    const life = await live(paper, async (context) => {
      result = await upgradeCluster({ ...context, name, kubernetesVersion: '1.34', dryRun: true });
    });
    expect(life.error).toBeUndefined();
    expect(result?.stages.map(({ version, nodes }) => [version, ...nodes])).toEqual([
      ['v1.34.7', 'knest-control-plane', 'knest-worker'],
    ]);
    expect(await versions(paper)).toEqual(both('v1.33.1'));
    expect(await listGenerations(paper.host, paths, name)).toEqual([]);
  });

  it('does not go on without consent', async () => {
    const paper = await copyOf(running);
    const life = await live(paper, (context) =>
      upgradeCluster({
        ...{ ...context, name, kubernetesVersion: 'v1.34.7' },
        confirm: () => Promise.resolve(false),
      }),
    );
    expect(life.error).toBeUndefined();
    expect(await versions(paper)).toEqual(both('v1.33.1'));
  });

  it.each([
    ['an older version', 'v1.33.1', 'UPGRADE_REFUSED', 'knest rollback cluster'],
    ['a version that nobody has', 'v1.35.9', 'INVALID_INPUT', 'v1.35.9'],
  ])('refuses %s', async (_, version, code, said) => {
    const paper = await copyOf(upgraded);
    const { error } = await live(paper, upgradeTo(version));
    expect(error).toMatchObject({ code });
    expect(allWords(error)).toContain(said);
    await expectSettled(paper);
  });

  it.each(places(good, 12))('is killed after %i calls, and the same command ends it', async (count) => {
    const paper = await copyOf(running);
    await live(paper, upgrade, { kind: 'kill', at: { count } });
    const next = await live(paper, upgrade);
    expect(next.error).toBeUndefined();
    expect(await versions(paper)).toEqual(both('v1.35.1'));
    expect(await listGenerations(paper.host, paths, name)).toHaveLength(1);
    await expectSettled(paper);
  });

  it.each(places(good, 12))('is killed after %i calls, and goes back', async (count) => {
    const paper = await copyOf(running);
    await live(paper, upgrade, { kind: 'kill', at: { count } });
    const before = await listGenerations(paper.host, paths, name);
    const next = await live(paper, rollback);
    if (before.length === 0) expect(next.error).toMatchObject({ code: 'GENERATION_NOT_FOUND' });
    else expect(next.error).toBeUndefined();
    const finishing = await live(paper, start);
    expect(finishing.error).toBeUndefined();
    expect(await versions(paper)).toEqual(both('v1.33.1'));
    await expectSettled(paper);
  });

  it.each(places(good, 10))('fails once at call %i, and says so', async (count) => {
    const paper = await copyOf(running);
    const life = await live(paper, upgrade, { kind: 'once', at: { count } });
    expectTold(life);
    const next = await live(paper, upgrade);
    expect(next.error).toBeUndefined();
    expect(await versions(paper)).toEqual(both('v1.35.1'));
    await expectSettled(paper);
  });
});

describe('a rollback', async () => {
  const back = await copyOf(upgraded);
  const goodBack = await live(back, rollback);

  it('brings versions and data back', async () => {
    expect(goodBack.error).toBeUndefined();
    expect(await versions(back)).toEqual(both('v1.33.1'));
    const { plan } = await requireCluster(back.host, paths, name);
    expect(plan.kubernetesVersion).toBe('v1.33.1');
    const data = `${paths.state}/machines/knest-control-plane/data/etcd/member`;
    expect(await back.host.readFile(data)).toBe('data of etcd');
    const generations = await listGenerations(back.host, paths, name);
    expect(generations.map(({ before, done }) => [before, done])).toEqual([
      ['upgrade', true],
      ['rollback', true],
    ]);
    await expectSettled(back);
  });

  it('leaves the data where it can stay', async () => {
    const paper = await copyOf(running);
    expect((await live(paper, upgradeTo('v1.33.2'))).error).toBeUndefined();
    expect(await versions(paper)).toEqual(both('v1.33.2'));
    expect((await live(paper, rollback)).error).toBeUndefined();
    expect(await versions(paper)).toEqual(both('v1.33.1'));
    const data = `${paths.state}/machines/knest-control-plane/data/etcd/member`;
    expect(await paper.host.readFile(data)).toBeUndefined();
  });

  it.each(places(goodBack, 12))('is killed after %i calls, and the same command ends it', async (count) => {
    const paper = await copyOf(upgraded);
    await live(paper, rollback, { kind: 'kill', at: { count } });
    const next = await live(paper, rollback);
    expect(next.error).toBeUndefined();
    expect(await versions(paper)).toEqual(both('v1.33.1'));
    await expectSettled(paper);
  });

  it.each(places(goodBack, 12))('is killed after %i calls, and any other command ends it', async (count) => {
    const paper = await copyOf(upgraded);
    await live(paper, rollback, { kind: 'kill', at: { count } });
    const next = await live(paper, start);
    expect(next.error).toBeUndefined();
    const [version, other] = await versions(paper);
    // it was ended before it was decided, or while only workers had gone back
    expect(['v1.33.1', 'v1.35.1']).toContain(version);
    expect(['v1.33.1', 'v1.35.1']).toContain(other);
    await expectSettled(paper);
  });
});
