/** Nodes that come into a cluster with a lock are made by it, or refused, unless the user wants them without. */

import { afterAll, expect, it, vi } from 'vitest';

import { InputError } from '../../../src/errors.ts';
import { addNodes } from '../../../src/operations/nodes/add-nodes.ts';
import { createCluster } from '../../../src/operations/create/create-cluster.ts';
import type { NewNodeOptions } from '../../../src/operations/types.ts';
import type * as issue from '../../../src/pki/issue.ts';
import { gatherFacts } from '../../../src/observe/host/gather.ts';
import { lockedRootfsId, rootfsLayer } from '../../../src/plan/image.ts';
import { requireCluster, writeCluster } from '../../../src/state/clusters.ts';
import { clusterSpec } from '../../fixtures/cluster.ts';
import { debianTree, someLock } from '../../fixtures/lock.ts';
import { live, notes } from '../failures/lives.ts';
import { closeApis } from '../failures/paper-api.ts';
import { copyOf, inventory, paperHost, paths } from '../failures/paper-host.ts';
import type { PaperHost } from '../failures/paper-host.ts';

vi.mock('../../../src/workstation/agent-program.ts', () => ({
  agentProgram: () => Promise.resolve('agent'),
}));
vi.mock('../../../src/pki/issue.ts', async (original) =>
  (await import('../failures/quick-keys.ts')).quickly(await original<typeof issue>()),
);
afterAll(closeApis);

const name = 'knest';
const wait = 3_000;
const lock = someLock();
const running = await paperHost();
await live(running, (context) => createCluster({ ...context, spec: clusterSpec(), wait }));
const { spec, plan } = await requireCluster(running.host, paths, name);
const facts = await gatherFacts(running.host, paths);
const lockedId = lockedRootfsId({}, debianTree, 'amd64');
await cached(lockedId, 'trixie', 'd'.repeat(64));
await cached(rootfsLayer({ suite: 'bookworm', mirror: undefined }, facts).id, 'bookworm');
await writeCluster(running.host, paths, { ...spec, image: { ...spec.image, lock } }, plan);

/** Puts a root file system into the cache, so that none has to be made. */
async function cached(id: string, suite: string, content?: string): Promise<void> {
  const info = { arch: 'amd64', id, kind: 'rootfs', suite, built: '2026-01-03T00:00:00.000Z', content };
  await running.host.makeDirectory(`${paths.cache}/layers/${id}`, 0o755);
  await running.host.writeFile(`${paths.cache}/layers/${id}.json`, JSON.stringify(info), 0o644);
}

const add = (paper: PaperHost, changes: NewNodeOptions, more: { lock?: boolean } = {}) =>
  live(paper, (context) => addNodes({ ...context, ...more, name, role: 'worker', count: 1, changes, wait }));

it.each([
  ['suite', { suite: 'bookworm' }, ['suite: is bookworm, and knest.lock has trixie']],
  [
    'version',
    { kubernetesVersion: 'v1.20.2' },
    [
      'nodes[1].kubernetesVersion: is v1.20.2 (source auto), and knest.lock has v1.36.2 (stable, source release)',
    ],
  ],
])(
  'another %s than the lock has is refused with the way out, and nothing is touched',
  async (_, changes, all) => {
    const paper = await copyOf(running);
    const before = await inventory(paper);
    const { error } = await add(paper, changes);
    const { problems, message } =
      error instanceof InputError ? error : { problems: [], message: String(error) };
    expect(message).toContain('the new nodes are not what the lock of the cluster says');
    expect(problems.map((problem) => `${problem.path}: ${problem.message}`)).toEqual(all);
    for (const { hint } of problems) expect(hint).toMatch(/^--no-lock .*knest lock/);
    expect(await inventory(paper)).toEqual(before);
  },
);

it('what the lock has is used, and that is said', async () => {
  const paper = await copyOf(running);
  const { error, events } = await add(paper, {});
  expect(error).toBeUndefined();
  expect(notes(events)).toContainEqual(
    expect.stringContaining('New nodes are made as the lock of cluster "knest" says'),
  );
  const after = await requireCluster(paper.host, paths, name);
  const worker = after.plan.machines.find((machine) => machine.name === 'knest-worker');
  expect(worker?.layers).toContain(lockedId);
});

it('without the lock they are made of what there is, and the cluster keeps it', async () => {
  const paper = await copyOf(running);
  const { error, events } = await add(paper, { suite: 'bookworm' }, { lock: false });
  expect(error).toBeUndefined();
  expect(notes(events)).toContainEqual(expect.stringContaining('without the lock'));
  const after = await requireCluster(paper.host, paths, name);
  expect(after.plan.layers.filter((layer) => layer.kind === 'rootfs')).toMatchObject([
    { suite: 'trixie' },
    { suite: 'bookworm' },
  ]);
  for (const layer of after.plan.layers) expect(layer).not.toHaveProperty('locked');
  expect(after.spec.image.lock).toEqual(lock);
  expect((await add(paper, { suite: 'bookworm' })).error).toBeInstanceOf(InputError);
  expect((await add(paper, {})).error).toBeUndefined();
});
