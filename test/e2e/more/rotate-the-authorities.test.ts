/** All authorities are exchanged stage by stage, while clients write; nothing that the old ones have signed counts afterwards. */

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { expect, it } from 'vitest';

import { run } from '../support/cli.ts';
import { eventually } from '../support/eventually.ts';
import { describeScenario } from '../support/scenario.ts';
import { startWriter } from '../support/writer.ts';

const name = 'e2e-rotate';

describeScenario('authorities are exchanged', { story: true }, (scenario) => {
  const rotate = (...more: string[]) => scenario.ok(['rotate', 'ca', name, '--yes', ...more]);
  /** Goes through a stage while a client writes that has the kubeconfig of before it. */
  const rotateWhileWriting = async (stage: 'trust' | 'sign' | 'forget') => {
    const writer = await startWriter(scenario, name);
    await rotate('--until', stage);
    const { acknowledged, lost, longestGap } = await writer.stop();
    console.log(`${stage}: ${acknowledged} writes, longest gap ${longestGap} ms, ${lost.length} lost`);
    expect(lost).toEqual([]);
    expect(acknowledged).toBeGreaterThan(20);
  };

  it('create three control planes and a worker', async () => {
    await scenario.ok(['create', 'cluster', '--name', name, '--control-planes', '3', '--nodes', '4']);
    await writeFile(join(scenario.folder, 'old'), await scenario.ok(['get', 'kubeconfig', '--name', name]));
  });

  it('the new ones are trusted beside the old ones', () => rotateWhileWriting('trust'));

  it('the new ones sign', () => rotateWhileWriting('sign'));

  it('the old ones go', async () => {
    await rotate();
    expect(await scenario.ok(['rotate', 'ca', name, '--dry-run', '-o', 'json'])).toContain('"trust"');
    const ready = '{range .items[*]}{.status.conditions[?(@.type=="Ready")].status} {end}';
    await eventually('all nodes are Ready', async () => {
      const said = await scenario.kubectl(name, ['get', 'nodes', '-o', `jsonpath=${ready}`]);
      expect(said.trim()).toBe('True True True True');
    });
    const old = join(scenario.folder, 'old');
    expect(await readFile(old, 'utf8')).not.toBe(await scenario.ok(['get', 'kubeconfig', '--name', name]));
    const kubectl = `${scenario.layers.kubernetes}/usr/local/bin/kubectl`;
    const refused = await run([kubectl, '--kubeconfig', old, '--insecure-skip-tls-verify', 'get', 'nodes']);
    expect(refused.exitCode).not.toBe(0);
  });
});
