/**
 * Back from an upgrade: of a patch, where nothing is lost; of a Debian suite with a newer etcd, where the data of etcd goes
 * back as well; and after knest was killed in the middle of it.
 */

import { expect, it } from 'vitest';

import { makeOtherVersion } from '../support/other-version.ts';
import { describeScenario } from '../support/scenario.ts';
import { startWriter } from '../support/writer.ts';

const minutes = 60_000;
const name = 'back';

describeScenario('roll an upgrade back', { story: true, suite: 'bookworm' }, (scenario) => {
  const configMap = (key: string) =>
    scenario.knest(['kubectl', '--name', name, '--', 'get', 'configmap', key, '-o', 'name']);
  const generations = async () =>
    JSON.parse(await scenario.ok(['get', 'generations', name, '-o', 'json'])) as { before: string }[];

  it('to an older patch, with all that was written', { timeout: 10 * minutes }, async () => {
    const parent = `${scenario.folder}/versions`;
    await makeOtherVersion(scenario.layers.kubernetes, { from: 'v1.20.2', version: 'v1.20.3', parent });
    await scenario.ok(['create', 'cluster', '--name', name, '--nodes', '2', '--suite', 'bookworm']);
    await scenario.ok(['upgrade', 'cluster', name, '--source', parent, '--yes']);
    const writer = await startWriter(scenario, name);
    await scenario.kubectl(name, ['create', 'configmap', 'after-upgrade']);
    await scenario.ok(['rollback', 'cluster', name, '--yes']);
    expect((await writer.stop()).lost).toEqual([]);
    expect((await configMap('after-upgrade')).exitCode).toBe(0);
    const version = await scenario.kubectl(name, ['version', '-o', 'json']);
    expect(JSON.parse(version)).toMatchObject({ serverVersion: { gitVersion: 'v1.20.2' } });
    expect((await generations()).map(({ before }) => before)).toEqual(['rollback', 'upgrade']);
  });

  it('to an older etcd, and says what is lost', { timeout: 15 * minutes }, async () => {
    await scenario.kubectl(name, ['create', 'configmap', 'before-suite']);
    await scenario.ok(['upgrade', 'cluster', name, '--suite', 'trixie', '--yes'], { timeout: 10 * minutes });
    await scenario.kubectl(name, ['create', 'configmap', 'after-suite']);
    const planned = await scenario.ok(['rollback', 'cluster', name, '--dry-run']);
    expect(planned).toContain('LOST: everything written to the API after');
    await scenario.ok(['rollback', 'cluster', name, '--yes'], { timeout: 10 * minutes });
    expect((await configMap('before-suite')).exitCode).toBe(0);
    expect((await configMap('after-suite')).exitCode).not.toBe(0);
    const { stdout } = await scenario.knest(['exec', `${name}-control-plane`, '--', 'etcd', '--version']);
    expect(stdout).toContain('etcd Version: 3.4');
  });

  it('after knest was killed in the middle of it', { timeout: 15 * minutes }, async () => {
    let killed = false;
    await scenario.knest(['upgrade', 'cluster', name, '--suite', 'trixie', '--yes', '--progress', 'plain'], {
      timeout: 10 * minutes,
      onLine: (line, kill) => {
        if (killed || !line.includes('estart machine')) return;
        killed = true;
        kill('SIGKILL');
      },
    });
    expect(killed).toBe(true);
    await scenario.ok(['rollback', 'cluster', name, '--yes'], { timeout: 10 * minutes });
    const nodes = await scenario.kubectl(name, ['get', 'nodes', '-o', 'name']);
    expect(nodes.trim().split('\n')).toHaveLength(2);
    expect((await configMap('before-suite')).exitCode).toBe(0);
  });
});
