import { afterAll, describe, expect, it, vi } from 'vitest';

import { createCluster } from '../../../src/operations/create/create-cluster.ts';
import { deleteCluster } from '../../../src/operations/delete/delete-cluster.ts';
import type * as issue from '../../../src/pki/issue.ts';
import { clusterSpec, nodesOf } from '../../fixtures/cluster.ts';
import { allWords, failures, live, notes, sample, sayable, untold } from './lives.ts';
import type { Verb } from './lives.ts';
import { closeApis } from './paper-api.ts';
import { copyOf, inventory, paperHost } from './paper-host.ts';

vi.mock('../../../src/workstation/agent-program.ts', () => ({
  agentProgram: () => Promise.resolve('agent'),
}));
vi.mock('../../../src/pki/issue.ts', async (original) =>
  (await import('./quick-keys.ts')).quickly(await original<typeof issue>()),
);
afterAll(closeApis);

const spec = clusterSpec({ nodes: nodesOf('control-plane', 'worker') });
const create: Verb = (context) => createCluster({ ...context, spec, wait: 3_000 });
const remove: Verb = (context) => deleteCluster({ ...context, name: 'knest' });

const empty = await paperHost();
const before = await inventory(empty);
const good = await live(await copyOf(empty), create);

describe('create', () => {
  it('makes a cluster, and delete takes away all of it', async () => {
    const paper = await copyOf(empty);
    expect((await live(paper, create)).error).toBeUndefined();
    expect(paper.kernel.links).toContain('vb-knest-worker');
    expect((await live(paper, remove)).error).toBeUndefined();
    expect(await inventory(paper)).toEqual(before);
  });

  describe.each(['once', 'exit'] as const)('that fails (%s)', (kind) => {
    const places = sample(good.calls, { looks: 4 }).filter(
      ({ call }) => kind === 'once' || call.startsWith('run '),
    );
    it.each(places)('at call $nth of: $call', async (at) => {
      const paper = await copyOf(empty);
      const life = await live(paper, create, { kind, at });
      const left = await inventory(paper);
      if (life.error === undefined) {
        expect((await live(paper, remove)).error).toBeUndefined();
        expect(await inventory(paper)).toEqual(before);
        return;
      }
      expect(allWords(sayable(life.error))).toContain('scripted');
      expect(untold(life.events)).toEqual([]);
      const failed = failures(life.events);
      if (failed.length > 0) {
        expect(failed).toContain(life.error);
        expect(notes(life.events)).toContain('taking away what was made; --retain keeps it');
      }
      if (life.struck?.startsWith('remove ')) {
        // what could not be taken away is found by the next command
        expect((await live(paper, create)).error).toBeUndefined();
        expect((await live(paper, remove)).error).toBeUndefined();
        expect(await inventory(paper)).toEqual(before);
      } else expect(left).toEqual(before);
    });
  });

  describe('that is killed', () => {
    const every = Array.from({ length: Math.ceil(good.calls.length / 50) }, (_, index) => index * 50);
    it.each(every)('after %i calls', async (count) => {
      const paper = await copyOf(empty);
      const dead = await live(paper, create, { kind: 'kill', at: { count } });
      const other = await copyOf(paper);
      expect(dead.struck).toBeDefined();
      const again = await live(paper, create);
      // killed when all was done but giving the lock back
      if (again.error !== undefined) expect(allWords(again.error)).toContain('exists already');
      expect((await live(paper, remove)).error).toBeUndefined();
      expect(await inventory(paper)).toEqual(before);
      expect((await live(other, remove)).error).toBeUndefined();
      expect(await inventory(other)).toEqual(before);
    });
  });
});
