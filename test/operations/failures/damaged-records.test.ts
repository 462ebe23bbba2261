/** A record of one cluster that nobody can read: the others go on, and it can be deleted by what its host shows. */

import { afterAll, describe, expect, it, vi } from 'vitest';

import { messageOf } from '../../../src/errors.ts';
import { createCluster } from '../../../src/operations/create/create-cluster.ts';
import { planCluster } from '../../../src/operations/create/plan-cluster.ts';
import { deleteCluster } from '../../../src/operations/delete/delete-cluster.ts';
import { listClusters, listNodes } from '../../../src/operations/inspect/get.ts';
import type { ClusterSummary, Context } from '../../../src/operations/types.ts';
import type * as issue from '../../../src/pki/issue.ts';
import { clusterFolder } from '../../../src/state/clusters.ts';
import { clusterSpec, nodesOf } from '../../fixtures/cluster.ts';
import { live, notes } from './lives.ts';
import type { Verb } from './lives.ts';
import { closeApis } from './paper-api.ts';
import { copyOf, inventory, paperHost, paths } from './paper-host.ts';
import type { PaperHost } from './paper-host.ts';

vi.mock('../../../src/workstation/agent-program.ts', () => ({
  agentProgram: () => Promise.resolve('agent'),
}));
vi.mock('../../../src/pki/issue.ts', async (original) =>
  (await import('./quick-keys.ts')).quickly(await original<typeof issue>()),
);
afterAll(closeApis);

const creating =
  (name: string): Verb =>
  (context) =>
    createCluster({
      ...context,
      spec: clusterSpec({ name, nodes: nodesOf('control-plane', 'worker') }),
      wait: 0,
    });
const removing =
  (name: string): Verb =>
  (context) =>
    deleteCluster({ ...context, name });

const empty = await paperHost();
const before = await inventory(empty);
const whole = await copyOf(empty);
const made = await live(whole, creating('knest'));
const folder = clusterFolder(paths, 'knest');

it('there is one to damage', () => {
  expect(made.error).toBeUndefined();
});

/** What a command gives; fails when it fails. */
async function resultOf<T>(paper: PaperHost, verb: (context: Context) => Promise<T>): Promise<T> {
  let result: T | undefined;
  const { error } = await live(paper, async (context) => {
    result = await verb(context);
  });
  expect(error).toBeUndefined();
  return result as T;
}

const records = ['plan.json', 'spec.json', 'applied/host.json', 'applied/machines/knest-worker.json'];
const keys = ['pki/ca.crt', 'pki/kubernetes-admin.crt'];

describe.each<[string, (paper: PaperHost, path: string) => Promise<void>]>([
  [
    'is cut off',
    async ({ host }, path) => {
      const text = (await host.readFile(path)) ?? '';
      await host.writeFile(path, text.slice(0, text.length / 2), 0o600);
    },
  ],
  ['is empty', ({ host }, path) => host.writeFile(path, '', 0o600)],
  ['holds zeros', ({ host }, path) => host.writeFile(path, '\0'.repeat(4096), 0o600)],
  [
    'is a folder',
    async ({ host }, path) => {
      await host.remove(path);
      await host.makeDirectory(path, 0o700);
    },
  ],
])('a file that %s', (_what, damage) => {
  it.each(records)('%s: its cluster is broken, all others go on, and it can be deleted', async (file) => {
    const paper = await copyOf(whole);
    await damage(paper, `${folder}/${file}`);
    expect((await live(paper, creating('other'))).error).toBeUndefined();
    const listed = await resultOf<ClusterSummary[]>(paper, listClusters);
    expect(listed.map(({ name, state }) => [name, state])).toEqual([
      ['knest', 'broken'],
      ['other', 'running'],
    ]);
    expect(listed[0]?.problem).toContain(`${folder}/${file}`);
    expect((await live(paper, removing('other'))).error).toBeUndefined();

    const again = await live(paper, creating('knest'));
    expect(again.error).toMatchObject({
      code: 'RECORD_DAMAGED',
      message: expect.stringContaining(`${folder}/${file}`) as string,
      hint: expect.stringContaining('knest delete cluster --name knest') as string,
    });
    expect((await live(paper, removing('knest'))).error).toBeUndefined();
    expect(await inventory(paper)).toEqual(before);
  });

  it.each(keys)('%s: nodes of other clusters are listed, and it can be deleted', async (file) => {
    const paper = await copyOf(whole);
    await damage(paper, `${folder}/${file}`);
    expect(await resultOf(paper, listNodes)).toHaveLength(2);
    const told = await live(paper, listNodes);
    expect(notes(told.events).join()).toContain(`${folder}/${file}`);
    expect((await live(paper, removing('knest'))).error).toBeUndefined();
    expect(await inventory(paper)).toEqual(before);
  });
});

it.each([
  ['all but its keys', ['plan.json', 'spec.json', 'applied']],
  ['all of it', ['plan.json', 'spec.json', 'applied', 'pki', 'kubeconfig']],
])('of which %s is lost is deleted by what the host shows', async (_what, lost) => {
  const paper = await copyOf(whole);
  expect((await live(paper, creating('knest-worker'))).error).toBeUndefined();
  const both = await inventory(paper);
  for (const path of lost) await paper.host.remove(`${folder}/${path}`);
  const life = await live(paper, removing('knest'));
  expect(life.error).toBeUndefined();
  expect(notes(life.events)).toEqual([
    expect.stringContaining('knest-control-plane, knest-worker, the link kn-knest'),
  ]);
  // the machines of a cluster whose name begins with that of a machine are not among them
  const left = await inventory(paper);
  const ofOther = (line: string) => line.includes('knest-worker-');
  expect(left.filter(ofOther)).toEqual(both.filter(ofOther));
  expect((await live(paper, removing('knest-worker'))).error).toBeUndefined();
  expect(await inventory(paper)).toEqual(before);
});

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** Places in a value, one for all elements of a list. */
function* placesIn(
  value: Json,
  path: readonly (string | number)[] = [],
): Generator<readonly (string | number)[]> {
  if (path.length > 0) yield path;
  if (Array.isArray(value)) {
    for (const [index, one] of value.entries()) yield* placesIn(one as Json, [...path, index]);
  } else if (typeof value === 'object' && value !== null) {
    for (const [key, one] of Object.entries(value)) yield* placesIn(one, [...path, key]);
  }
}

function withInstead(value: Json, [first, ...rest]: readonly (string | number)[], instead: Json): Json {
  if (first === undefined) return instead;
  const copy = (Array.isArray(value) ? [...(value as Json[])] : { ...(value as object) }) as Record<
    string,
    Json
  >;
  copy[first] = withInstead(copy[first] ?? null, rest, instead);
  return copy;
}

it('one that has something else in any place keeps no other from being listed and planned', async () => {
  const plan = JSON.parse((await whole.host.readFile(`${folder}/plan.json`)) ?? '') as Json;
  const shapes = new Map<string, readonly (string | number)[]>();
  for (const path of placesIn(plan)) {
    const shape = path.map((part) => (typeof part === 'number' ? '*' : part)).join('.');
    if (!shape.includes('.files.*.')) shapes.set(shape, path);
  }
  expect(shapes.size).toBeGreaterThan(100);
  const paper = await copyOf(whole);
  const other = clusterSpec({ name: 'other' });
  const failed: string[] = [];
  let read = 0;
  for (const [shape, path] of shapes) {
    for (const instead of [null, 'x', -1, {}, ['x']] as const) {
      const text = JSON.stringify(withInstead(plan, path, instead));
      await paper.host.writeFile(`${folder}/plan.json`, text, 0o600);
      const states: string[] = [];
      const listed = await live(paper, async (context) => {
        states.push(...(await listClusters(context)).map(({ state }) => state));
      });
      const isRead = states.some((state) => state !== 'broken');
      read += isRead ? 1 : 0;
      // what is left out is in nobody's way
      const planned = isRead
        ? await live(paper, (context) => planCluster({ ...context, spec: other }))
        : undefined;
      const error = listed.error ?? planned?.error;
      if (error !== undefined) failed.push(`${shape} = ${JSON.stringify(instead)}: ${messageOf(error)}`);
    }
  }
  expect(read).toBeGreaterThan(50);
  expect(failed).toEqual([]);
}, 120_000);
