import { afterAll, describe, expect, it, vi } from 'vitest';

import { addNodes } from '../../../src/operations/nodes/add-nodes.ts';
import { createCluster } from '../../../src/operations/create/create-cluster.ts';
import { deleteCluster } from '../../../src/operations/delete/delete-cluster.ts';
import { deleteNodes } from '../../../src/operations/nodes/delete-nodes.ts';
import { startCluster, stopCluster } from '../../../src/operations/start-stop/clusters.ts';
import { restartNodes } from '../../../src/operations/start-stop/single-nodes.ts';
import { unfinishedChange } from '../../../src/operations/change/open-cluster.ts';
import type * as issue from '../../../src/pki/issue.ts';
import { readKeyMaterial, requireCluster } from '../../../src/state/clusters.ts';
import { clusterSpec, nodesOf } from '../../fixtures/cluster.ts';
import { allWords, failures, live, notes, sample, sayable, untold } from './lives.ts';
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

const spec = clusterSpec({ nodes: nodesOf('control-plane', 'worker') });
const name = 'knest';
const wait = 3_000;
const create: Verb = (context) => createCluster({ ...context, spec, wait });
const start: Verb = (context) => startCluster({ ...context, name, wait });
const stop: Verb = (context) => stopCluster({ ...context, name });

const empty = await paperHost();
const before = await inventory(empty);
const running = await copyOf(empty);
await live(running, create);
const stopped = await copyOf(running);
await live(stopped, stop);

/** Names of the machines that run and that the cluster has. */
async function machines({ host }: PaperHost): Promise<{ run: string[]; planned: string[] }> {
  const { plan } = await requireCluster(host, paths, name);
  const files = [...host.files.keys()].filter((path) => path.endsWith('/pid')).sort();
  const run = files.filter((path) =>
    host.files.has(`/proc/${host.files.get(path)?.content.split(' ')[0] ?? ''}/stat`),
  );
  return { run: run.map((path) => path.split('/')[5] ?? ''), planned: plan.machines.map((one) => one.name) };
}

async function expectSettled({ host }: PaperHost): Promise<void> {
  const record = await requireCluster(host, paths, name);
  const material = await readKeyMaterial(host, paths, name);
  expect(unfinishedChange({ record, material })).toBeUndefined();
  expect(await host.list(`${paths.state}/locks`)).toEqual([]);
}

async function expectGone(paper: PaperHost): Promise<void> {
  const life = await live(paper, (context) => deleteCluster({ ...context, name }));
  expect(life.error).toBeUndefined();
  expect(await inventory(paper)).toEqual(before);
}

const two = ['knest-control-plane', 'knest-worker'];
const three = [...two, 'knest-worker2'];

interface Case {
  verb: string;
  from: PaperHost;
  run: Verb;
  /** Finishes what was interrupted. */
  next: Verb;
  /** Machines that run after a good run. */
  after: string[];
  /** What the cluster may have once it was interrupted and finished. */
  ends: string[][];
}

const cases: Case[] = [
  {
    ...{ verb: 'add nodes', from: running, next: start, after: three, ends: [two, three] },
    run: (context) => addNodes({ ...context, name, role: 'worker', count: 1, wait }),
  },
  {
    ...{
      verb: 'delete nodes',
      from: running,
      next: start,
      after: two.slice(0, 1),
      ends: [two, two.slice(0, 1)],
    },
    run: (context) => deleteNodes({ ...context, name, nodes: ['knest-worker'] }),
  },
  { verb: 'stop', from: running, run: stop, next: start, after: [], ends: [two] },
  { verb: 'start', from: stopped, run: start, next: start, after: two, ends: [two] },
  {
    ...{ verb: 'restart nodes', from: running, next: start, after: two, ends: [two] },
    run: (context) => restartNodes({ ...context, nodes: ['knest-worker'], wait }),
  },
];

describe.each(cases)('$verb', async ({ from, run, next, after, ends }) => {
  const paper = await copyOf(from);
  const good = await live(paper, run);

  it('does it', async () => {
    expect(good.error).toBeUndefined();
    expect((await machines(paper)).run).toEqual(after);
    await expectSettled(paper);
    await expectGone(paper);
  });

  const places = sample(good.calls, { looks: 8, last: false });
  it.each(places)('fails at call $nth of: $call', async (at) => {
    const broken = await copyOf(from);
    const life = await live(broken, run, { kind: 'once', at });
    if (life.error !== undefined) {
      expect(allWords(sayable(life.error))).toContain('scripted');
      expect(untold(life.events)).toEqual([]);
      // the step that failed says so, if it was in one
      for (const failed of failures(life.events)) expect(allWords(sayable(failed))).toContain('scripted');
      if (life.events.some((event) => event.type === 'failed') && run === cases[0]?.run)
        expect(notes(life.events)).toContain('taking away what was made; --retain keeps it');
    }
    const finishing = await live(broken, next);
    expect(finishing.error).toBeUndefined();
    await expectSettled(broken);
    const { run: left, planned } = await machines(broken);
    expect(ends).toContainEqual(planned);
    expect(left).toEqual(planned);
  });

  const every = Array.from({ length: 6 }, (_, index) => Math.floor((index * good.calls.length) / 6));
  it.each(every)('is killed after %i calls', async (count) => {
    const broken = await copyOf(from);
    await live(broken, run, { kind: 'kill', at: { count } });
    const finishing = await live(broken, next);
    expect(finishing.error).toBeUndefined();
    await expectSettled(broken);
    const { run: left, planned } = await machines(broken);
    expect(ends).toContainEqual(planned);
    expect(left).toEqual(planned);
    await expectGone(broken);
  });
});
