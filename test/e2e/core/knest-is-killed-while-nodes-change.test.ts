/** kill -9 while nodes are added and deleted: the next command, whichever it is, finishes what was begun. */

import { beforeAll, describe, expect, it } from 'vitest';

import type { NodeSummary } from '../../../src/operations/types.ts';
import { must } from '../support/cli.ts';
import { describeScenario } from '../support/scenario.ts';

const name = 'e2e-killed-nodes';
const worker = (count: string): string => `${name}-worker${count}`;
const add = ['add', 'node', '--role', 'worker', '--name', name];
const remove = (node: string): string[] => ['delete', 'node', node, '--name', name];
const start = ['start', 'cluster', '--name', name];

describeScenario('knest is killed while nodes change', { story: false }, (scenario) => {
  beforeAll(async () => {
    await scenario.ok(['create', 'cluster', '--name', name, '--nodes', '2']);
  });

  async function killAt(command: string[], line: RegExp): Promise<void> {
    const { exitCode } = await scenario.knest(command, {
      onLine: (said, kill) => {
        if (line.test(said)) kill('SIGKILL');
      },
    });
    expect(exitCode).toBe(137);
  }

  /** The host, the API server and knest's own record agree, and nothing is left to do. */
  async function expectNodes(...workers: string[]): Promise<void> {
    const expected = [`${name}-control-plane`, ...workers].sort();
    const nodes = JSON.parse(
      await scenario.ok(['get', 'nodes', '--name', name, '-o', 'json']),
    ) as NodeSummary[];
    expect(nodes.map((node) => node.name).sort()).toEqual(expected);
    expect(nodes.every(({ state }) => state === 'running')).toBe(true);
    const objects = await scenario.kubectl(name, ['get', 'nodes', '-o', 'name']);
    expect(objects.split('\n').sort()).toEqual(expected.map((node) => `node/${node}`));
    const routes = await must(['ip', 'route']);
    for (const { podSubnets, address } of nodes)
      expect(routes).toContain(`${podSubnets[0] ?? ''} via ${address}`);
    const { stderr } = await scenario.knest(start);
    expect(stderr).not.toContain('interrupted');
  }

  const finished = async (command: string[]): Promise<void> => {
    const { exitCode, stderr } = await scenario.knest(command);
    expect(stderr).toContain('a change of the cluster that was interrupted');
    expect(exitCode, stderr).toBe(0);
  };

  describe('adding a worker', () => {
    it('when the others know of it: starting the cluster makes it', async () => {
      await killAt(add, /^Tell the other nodes: done/);
      await finished(start);
      await expectNodes(worker(''), worker('2'));
    });

    it('while its machine starts: the next add finishes it and adds another one', async () => {
      await killAt(add, /^Machine .*worker3.* \.\.\./);
      await finished(add);
      await expectNodes(worker(''), worker('2'), worker('3'), worker('4'));
    });

    it('when its machine runs: deleting it needs no more of it', async () => {
      await killAt(add, /^Machine .*worker5.*: done/);
      await scenario.ok(['delete', 'node', '--force', worker('5'), '--name', name]);
      await expectNodes(worker(''), worker('2'), worker('3'), worker('4'));
    });
  });

  describe('deleting a worker', () => {
    it('while its machine goes: deleting it again finishes that', async () => {
      await killAt(remove(worker('4')), /^Delete machine .* \.\.\./);
      await scenario.ok(remove(worker('4')));
      await expectNodes(worker(''), worker('2'), worker('3'));
    });

    it('when its machine is gone: starting the cluster takes its objects away', async () => {
      await killAt(remove(worker('3')), /^Delete machine .*: done/);
      await finished(start);
      await expectNodes(worker(''), worker('2'));
    });

    it('before the others are told: a restart of another node tells them', async () => {
      await killAt(remove(worker('2')), /^Tell the other nodes \.\.\./);
      await finished(['restart', 'node', worker('')]);
      await expectNodes(worker(''));
    });
  });

  it('deletes what an interrupted change has left, with the cluster', async () => {
    await killAt(add, /^Machine .* \.\.\./);
    await killAt(remove(worker('')), /^Delete machine .* \.\.\./);
    await scenario.ok(['delete', 'cluster', '--name', name]);
    await scenario.expectCleanHost();
  });
});
