import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, expect, it, vi } from 'vitest';

import { savedCluster } from '../../../src/agent/dns/saved-cluster.ts';
import { clusterStore } from '../../../src/agent/dns/store.ts';
import type { ClusterView } from '../../../src/agent/dns/store.ts';
import { answerFromZone } from '../../../src/agent/dns/zone.ts';
import { service, shop, zone } from './cluster.ts';

let folder: string;
let path: string;

beforeEach(async () => {
  vi.spyOn(console, 'log').mockImplementation(() => undefined);
  folder = await mkdtemp(join(tmpdir(), 'knest-saved-'));
  path = join(folder, 'sub', 'cluster.json');
});
afterEach(() => rm(folder, { recursive: true }));

const answer = (view: ClusterView, name: string, type = 'A') =>
  answerFromZone(`${name}.svc.cluster.local`, type, view, zone);

const questions: readonly [name: string, type: string][] = [
  ['web.shop', 'A'],
  ['web.shop', 'AAAA'],
  ['db.shop', 'A'],
  ['db-1.db.shop', 'A'],
  ['_sql._tcp.db.shop', 'SRV'],
  ['early.shop', 'A'],
  ['nobody.shop', 'A'],
  ['outside.shop', 'A'],
  ['missing.shop', 'A'],
  ['web.nowhere', 'A'],
];

it('answers everything as before, until the store is complete', async () => {
  const known = shop();
  await (await savedCluster(path, known)).stop();
  const fresh = clusterStore();
  const { view, stop } = await savedCluster(path, fresh);
  for (const [name, type] of questions)
    expect(answer(view, name, type), name).toEqual(answer(known, name, type));
  expect(view.namesOf('10.244.0.2')).toEqual(known.namesOf('10.244.0.2'));
  fresh.setNamespace('shop');
  expect(answer(view, 'web.shop')?.rcode).toBe('NOERROR');
  fresh.setComplete();
  expect(answer(view, 'web.shop')?.rcode).toBe('NXDOMAIN');
  await stop();
});

it('saves what changes, and nothing that is not known for sure', async () => {
  const store = clusterStore();
  const { stop } = await savedCluster(path, store, 20);
  store.setNamespace('shop');
  await new Promise((resolve) => setTimeout(resolve, 100));
  await expect(readFile(path)).rejects.toThrow('ENOENT');
  store.setComplete();
  store.setService(service('late', { clusterIP: '10.96.0.9' }));
  await vi.waitUntil(async () => (await readFile(path, 'utf8').catch(() => '')).includes('10.96.0.9'));
  store.deleteService(service('late', {}));
  await stop();
  expect(await readFile(path, 'utf8')).not.toContain('10.96.0.9');
});

it.each(['', '{"format": 2}', '{'])('takes a file that says %j for none', async (text) => {
  path = join(folder, 'cluster.json');
  await writeFile(path, text);
  const { view, stop } = await savedCluster(path, clusterStore());
  expect(answer(view, 'web.shop')?.rcode).toBe('SERVFAIL');
  await stop();
});
