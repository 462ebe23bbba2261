/** Machines end without knest: what it then says, and that it can still clean up. */

import { kill } from 'node:process';

import { expect, it } from 'vitest';

import type { ClusterStatus, ClusterSummary, NodeSummary } from '../../../src/operations/types.ts';
import { exitCodes } from '../../../src/errors.ts';
import { busyboxArchive } from '../support/busybox.ts';
import { eventually } from '../support/eventually.ts';
import { pod } from '../support/manifests.ts';
import { describeScenario } from '../support/scenario.ts';

const name = 'e2e-dies';
const node = `${name}-control-plane`;

describeScenario('a machine dies', { story: false }, (scenario) => {
  const theNode = async () => {
    const [found] = JSON.parse(
      await scenario.ok(['get', 'nodes', '--name', name, '-o', 'json']),
    ) as NodeSummary[];
    return found;
  };
  const expectStopped = async () => {
    expect(await theNode()).toMatchObject({ name: node, state: 'stopped' });
    const clusters = JSON.parse(await scenario.ok(['get', 'clusters', '-o', 'json'])) as ClusterSummary[];
    expect(clusters).toMatchObject([{ name, state: 'stopped' }]);
    const { exitCode, stdout } = await scenario.knest(['status', 'cluster', '--name', name, '-o', 'json']);
    expect(JSON.parse(stdout) as ClusterStatus).toMatchObject({
      state: 'stopped',
      apiserver: { ok: false },
      nodes: [{ state: 'stopped', ready: false }],
    });
    expect(exitCode).toBe(exitCodes.notReady);
    const exec = await scenario.knest(['exec', node, '--', 'true']);
    expect(exec.stderr).toContain(`machine ${node} does not run`);
    expect(exec.exitCode).toBe(exitCodes.failed);
  };
  const runPod = async () => {
    await scenario.ok(['load', 'image-archive', await busyboxArchive(), '--name', name]);
    const input = JSON.stringify(pod('busy', 'exec sleep 1000000'));
    await scenario.kubectl(name, ['apply', '-f', '-'], { input });
    await scenario.kubectl(name, ['wait', '--for=condition=Ready', 'pod/busy', '--timeout=60s']);
  };

  it('by kill -9: it is seen to be stopped, and delete works', async () => {
    await scenario.ok(['create', 'cluster', '--name', name]);
    await runPod();
    kill((await theNode())?.leader ?? 0, 'SIGKILL');
    await eventually('it has ended', async () => {
      expect((await theNode())?.state).toBe('stopped');
    });
    await expectStopped();
    await scenario.ok(['delete', 'cluster', '--name', name]);
    await scenario.expectCleanHost();
  });

  it('by poweroff: within 20 s with a pod running, cleanly', async () => {
    await scenario.ok(['create', 'cluster', '--name', name]);
    await runPod();
    const started = Date.now();
    await scenario.ok(['exec', node, '--', 'systemctl', 'poweroff']);
    await eventually('it has ended', async () => {
      expect((await theNode())?.state).toBe('stopped');
    });
    expect(Date.now() - started, 'milliseconds').toBeLessThan(20_000);
    await expectStopped();
    await scenario.ok(['delete', 'cluster', '--name', name]);
    await scenario.expectCleanHost();
  });
});
