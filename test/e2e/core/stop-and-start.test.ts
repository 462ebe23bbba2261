/** A cluster is stopped and started again: its objects, images and pods are there as before. */

import { kill } from 'node:process';

import { expect, it } from 'vitest';

import type { ClusterSummary, NodeSummary } from '../../../src/operations/types.ts';
import { busyboxArchive } from '../support/busybox.ts';
import { eventually } from '../support/eventually.ts';
import { pod } from '../support/manifests.ts';
import { describeScenario } from '../support/scenario.ts';

const name = 'e2e-stop';

describeScenario('stop and start', { story: true }, (scenario) => {
  const state = async () => {
    const clusters = JSON.parse(await scenario.ok(['get', 'clusters', '-o', 'json'])) as ClusterSummary[];
    return clusters[0]?.state;
  };
  const podIsReady = async () => {
    await scenario.kubectl(name, ['wait', '--for=condition=Ready', 'pod/busy', '--timeout=60s']);
    // right after a start its condition may still be that of before
    const answer = await eventually('the pod answers', () =>
      scenario.kubectl(name, ['exec', 'busy', '--', 'echo', 'works']),
    );
    expect(answer).toContain('works');
  };

  it('create, with a pod and a ConfigMap', async () => {
    await scenario.ok(['create', 'cluster', '--name', name]);
    await scenario.ok(['load', 'image-archive', await busyboxArchive(), '--name', name]);
    const input = JSON.stringify(pod('busy', 'exec sleep 1000000'));
    await scenario.kubectl(name, ['apply', '-f', '-'], { input });
    await scenario.kubectl(name, ['create', 'configmap', 'remember', '--from-literal=what=this']);
    await podIsReady();
  });

  it('stop: nothing of it runs', async () => {
    await scenario.ok(['stop', 'cluster', '--name', name]);
    expect(await state()).toBe('stopped');
    // again is no error
    await scenario.ok(['stop', 'cluster', '--name', name]);
  });

  it('start: the node is Ready, the pod runs again, nothing is forgotten', async () => {
    await scenario.ok(['start', 'cluster', '--name', name]);
    expect(await state()).toBe('running');
    await podIsReady();
    const what = await scenario.kubectl(name, [
      'get',
      'configmap',
      'remember',
      '-o',
      'jsonpath={.data.what}',
    ]);
    expect(what).toBe('this');
    await scenario.ok(['start', 'cluster', '--name', name]);
  });

  it('start after its machine was killed', async () => {
    const [node] = JSON.parse(
      await scenario.ok(['get', 'nodes', '--name', name, '-o', 'json']),
    ) as NodeSummary[];
    kill(node?.leader ?? 0, 'SIGKILL');
    await eventually('it has ended', async () => {
      expect(await state()).toBe('stopped');
    });
    await scenario.ok(['start', 'cluster', '--name', name]);
    await podIsReady();
  });

  it('delete: the host is as before', async () => {
    await scenario.ok(['delete', 'cluster', '--name', name]);
    await scenario.expectCleanHost();
  });
});
