/**
 * Upgrades of Kubernetes, line by line, and of the Debian suite, while a client writes through the API. The versions are one
 * build that reports several (support/other-version.ts).
 */

import { describe, expect, it } from 'vitest';

import { eventually } from '../support/eventually.ts';
import { makeOtherVersion } from '../support/other-version.ts';
import { describeScenario } from '../support/scenario.ts';
import type { Scenario } from '../support/scenario.ts';
import { startWriter } from '../support/writer.ts';

const from = 'v1.20.2';
const minutes = 60_000;

async function versions(scenario: Scenario, cluster: string): Promise<string[]> {
  const path = 'jsonpath={range .items[*]}{.metadata.name}={.status.nodeInfo.kubeletVersion} {end}';
  return (await scenario.kubectl(cluster, ['get', 'nodes', '-o', path])).trim().split(' ');
}

/** Folders of several versions in one, as the release server has them. */
async function offered(scenario: Scenario, ...names: readonly string[]): Promise<string> {
  const parent = `${scenario.folder}/versions`;
  for (const version of names) await makeOtherVersion(scenario.layers.kubernetes, { from, version, parent });
  return parent;
}

describe.each([
  { cluster: 'one', flags: [], nodes: ['one-control-plane'] },
  { cluster: 'pair', flags: ['--nodes', '2'], nodes: ['pair-control-plane', 'pair-worker'] },
])('$cluster', ({ cluster, flags, nodes }) => {
  describeScenario(`upgrade ${nodes.length} nodes`, { story: true }, (scenario) => {
    let parent = '';

    it('to a newer patch, and all acknowledged writes stay', { timeout: 10 * minutes }, async () => {
      parent = await offered(scenario, 'v1.20.3', 'v1.21.3', 'v1.22.3');
      await scenario.ok(['create', 'cluster', '--name', cluster, ...flags]);
      const writer = await startWriter(scenario, cluster);
      const upgrade = ['upgrade', 'cluster', cluster, '--kubernetes-version', 'v1.20.3', '--source', parent];
      const planned = await scenario.ok([...upgrade, '--dry-run']);
      expect(planned).toContain(`Kubernetes v1.20.3 for ${nodes.join(', ')}`);
      expect(await versions(scenario, cluster)).toEqual(nodes.map((node) => `${node}=${from}`));
      await scenario.ok([...upgrade, '--yes']);
      const { lost, acknowledged, longestGap } = await writer.stop();
      console.info(`${cluster}: ${acknowledged} writes, none lost, longest gap ${longestGap} ms`);
      expect(lost).toEqual([]);
      expect(await versions(scenario, cluster)).toEqual(nodes.map((node) => `${node}=v1.20.3`));
      expect((await scenario.knest([...upgrade, '--yes'])).stderr).toContain('is there already');
    });

    it('over two lines by one command', { timeout: 10 * minutes }, async () => {
      const writer = await startWriter(scenario, cluster);
      const upgrade = ['upgrade', 'cluster', cluster, '--kubernetes-version', '1.22', '--source', parent];
      const { stderr, exitCode } = await scenario.knest([...upgrade, '--yes']);
      expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 });
      expect(stderr).toContain('step 1 of 2: v1.21.3');
      const { lost, longestGap } = await writer.stop();
      console.info(`${cluster}: two lines, longest gap ${longestGap} ms`);
      expect(lost).toEqual([]);
      expect(await versions(scenario, cluster)).toEqual(nodes.map((node) => `${node}=v1.22.3`));
    });

    it('pods run on it', { timeout: 3 * minutes }, async () => {
      await eventually(
        'nodes take pods',
        async () => {
          const text = await scenario.kubectl(cluster, ['get', 'nodes', '-o', 'json']);
          const { items } = JSON.parse(text) as { items: { spec: { unschedulable?: boolean } }[] };
          expect(items.filter(({ spec }) => spec.unschedulable)).toEqual([]);
          return true;
        },
        minutes,
      );
    });

    it('refuses to go back by upgrading, and to leave a line out', { timeout: minutes }, async () => {
      const back = await scenario.knest([
        ...['upgrade', 'cluster', cluster, '--kubernetes-version', 'v1.21.3', '--source', parent, '--yes'],
      ]);
      expect(back.exitCode).not.toBe(0);
      expect(back.stderr).toContain('knest rollback cluster');
    });
  });
});
