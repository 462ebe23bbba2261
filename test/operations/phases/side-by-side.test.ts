/** Clusters that are created at the same time: what takes long holds nobody up, and each gets subnets of its own. */

import { expect, it, vi } from 'vitest';

import { createCluster } from '../../../src/operations/create/create-cluster.ts';
import { requireCluster } from '../../../src/state/clusters.ts';
import { clusterSpec } from '../../fixtures/cluster.ts';
import { live } from '../failures/lives.ts';
import type { Verb } from '../failures/lives.ts';
import { paperHost, paths } from '../failures/paper-host.ts';
import type { PaperHost } from '../failures/paper-host.ts';

vi.mock('../../../src/workstation/agent-program.ts', () => ({
  agentProgram: () => Promise.resolve('agent'),
}));

const creating =
  (name: string, waitFor?: { reached: () => void; opened: Promise<void> }): Verb =>
  (context) => {
    const { host } = context;
    if (!host || !waitFor) return createCluster({ ...context, spec: clusterSpec({ name }), wait: 0 });
    // the cache is asked for layers in the phase that may have to build or download
    const list: typeof host.list = async (path) => {
      if (path === `${paths.cache}/layers`) {
        waitFor.reached();
        await waitFor.opened;
      }
      return host.list(path);
    };
    return createCluster({ ...context, host: { ...host, list }, spec: clusterSpec({ name }), wait: 0 });
  };

/** Who waits at it goes on when it has been opened. */
function gate(): { open: () => void; passed: Promise<void> } {
  const controller = new AbortController();
  const passed = new Promise<void>((resolve) => {
    controller.signal.addEventListener('abort', () => {
      resolve();
    });
  });
  return {
    open: () => {
      controller.abort();
    },
    passed,
  };
}

async function subnetsOf({ host }: PaperHost, name: string): Promise<string[]> {
  const { network } = (await requireCluster(host, paths, name)).plan;
  return [...network.nodeSubnets, ...network.podSubnets, ...network.serviceSubnets];
}

it('one that waits for what it needs keeps no other from being planned', async () => {
  const paper = await paperHost();
  const [reached, opened] = [gate(), gate()];
  const first = live(paper, creating('first', { reached: reached.open, opened: opened.passed }));
  await reached.passed;
  const second = await live(paper, creating('second'));
  expect(second.error).toBeUndefined();
  opened.open();
  expect((await first).error).toBeUndefined();
  // the first looked at the host before the second was there
  const all = [...(await subnetsOf(paper, 'first')), ...(await subnetsOf(paper, 'second'))];
  expect(new Set(all).size).toBe(all.length);
});

it('two at the very same time choose different subnets', async () => {
  const paper = await paperHost();
  const lives = await Promise.all([live(paper, creating('first')), live(paper, creating('second'))]);
  expect(lives.map(({ error }) => error)).toEqual([undefined, undefined]);
  const all = [...(await subnetsOf(paper, 'first')), ...(await subnetsOf(paper, 'second'))];
  expect(new Set(all).size).toBe(all.length);
  expect(await paper.host.list(`${paths.state}/locks`)).toEqual([]);
});
