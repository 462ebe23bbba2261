/** Is it Kubernetes? Its own conformance tests say so: a fixed part of them, as the whole takes more than an hour. */

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { expect, it } from 'vitest';

import { run } from '../support/cli.ts';
import { suiteImages } from '../support/conformance/images.ts';
import { conformanceSuite, suiteVersion } from '../support/conformance/kit.ts';
import { chosenTests } from '../support/conformance/part.ts';
import { describeScenario } from '../support/scenario.ts';

const name = 'e2e-conformance';

describeScenario("Kubernetes' own tests", { story: true }, (scenario) => {
  it('takes their images', async () => {
    const { agnhost } = await conformanceSuite();
    const images = join(scenario.folder, 'images.tar');
    await writeFile(images, await suiteImages(agnhost));
    // tests that look for a node want one that takes any pod
    const config = {
      apiVersion: 'knest.dev/v1alpha1',
      kind: 'Cluster',
      name,
      kubernetesVersion: suiteVersion,
      nodes: [{ role: 'control-plane', taints: [] }, { role: 'worker' }],
    };
    await scenario.ok(['create', 'cluster', '--config', '-'], { input: JSON.stringify(config) });
    await scenario.ok(['load', 'image-archive', images, '--name', name]);
  }, 3_600_000);

  it('passes each one of the chosen', async () => {
    const { ginkgo, e2eTest } = await conformanceSuite();
    const focus = chosenTests.map((test) => test.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('|');
    const kubectl = `${scenario.layers.kubernetes}/usr/local/bin/kubectl`;
    const about = [`--kubeconfig=${scenario.kubeconfig}`, `--kubectl-path=${kubectl}`, '--provider=skeleton'];
    const { stdout, exitCode } = await run(
      [ginkgo, '-noColor', '-nodes=4', `-focus=${focus}`, e2eTest, '--', ...about, '--disable-log-dump'],
      { timeout: 20 * 60_000, cwd: scenario.folder },
    );
    const told = [...stdout.matchAll(/\{"msg":"(PASSED|FAILED) .*?"total":.*\}/g)].map(
      ([line]) => (JSON.parse(line) as { msg: string }).msg,
    );
    expect(told.sort(), stdout.slice(-20_000)).toEqual(chosenTests.map((test) => `PASSED ${test}`).sort());
    expect(exitCode, stdout.slice(-5000)).toBe(0);
  }, 1_500_000);
});
