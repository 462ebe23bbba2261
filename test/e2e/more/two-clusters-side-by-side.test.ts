/** A second cluster beside a first: neither notices the other, in life or in death. */

import { expect, it } from 'vitest';

import type { ClusterStatus, ClusterSummary, NodeSummary } from '../../../src/operations/types.ts';
import { busyboxArchive } from '../support/busybox.ts';
import { must } from '../support/cli.ts';
import { eventually } from '../support/eventually.ts';
import { deployment, service } from '../support/manifests.ts';
import { describeScenario } from '../support/scenario.ts';

const first = 'e2e-first';
const second = 'e2e-second-with-a-long-name';

describeScenario('two clusters side by side', { story: true }, (scenario) => {
  let before: string;

  const startWorkload = async (cluster: string) => {
    await scenario.ok(['load', 'image-archive', await busyboxArchive(), '--name', cluster]);
    const serve = `mkdir -p /www && echo ${cluster} > /www/index.html && exec httpd -f -p 8080 -h /www`;
    const items = [deployment('web', 1, serve), service('web', 8080)];
    const input = JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
    await scenario.kubectl(cluster, ['apply', '-f', '-'], { input });
    await scenario.kubectl(cluster, ['rollout', 'status', 'deployment/web', '--timeout=60s']);
  };
  const greeting = async (cluster: string) => {
    const ip = await scenario.kubectl(cluster, ['get', 'service', 'web', '-o', 'jsonpath={.spec.clusterIP}']);
    return eventually(`${cluster} answers`, () =>
      must(['curl', '-sS', '-m', '5', '--noproxy', '*', `http://${ip}/`]),
    );
  };
  /** What would change if its pods or components were restarted. */
  const lifeOf = async (cluster: string) => {
    const path = '{range .items[*]}{.metadata.uid} {.status.containerStatuses[*].restartCount}{"\\n"}{end}';
    const pods = await scenario.kubectl(cluster, ['get', 'pods', '-A', '-o', `jsonpath=${path}`]);
    const status = JSON.parse(
      await scenario.ok(['status', 'cluster', '--name', cluster, '-o', 'json']),
    ) as ClusterStatus;
    const units = status.nodes.flatMap((node) => node.units.map((unit) => `${unit.name} ${unit.restarts}`));
    return [pods, ...status.nodes.map(({ leader }) => `leader ${leader}`), ...units].join('\n');
  };

  it('starts the first, with a pod', async () => {
    await scenario.ok(['create', 'cluster', '--name', first]);
    await startWorkload(first);
    expect(await greeting(first)).toBe(first);
    before = await lifeOf(first);
  });

  it('starts the second on other subnets', async () => {
    await scenario.ok(['create', 'cluster', '--name', second]);
    await startWorkload(second);
    expect(await greeting(second)).toBe(second);
    const nodes = JSON.parse(await scenario.ok(['get', 'nodes', '-A', '-o', 'json'])) as NodeSummary[];
    expect(nodes.map(({ name, state }) => [name, state])).toEqual([
      [`${first}-control-plane`, 'running'],
      [`${second}-control-plane`, 'running'],
    ]);
    expect(new Set(nodes.map(({ address }) => address.replace(/\.\d+$/, ''))).size).toBe(2);
  });

  it('did not disturb the first', async () => {
    expect(await greeting(first)).toBe(first);
    expect(await lifeOf(first)).toBe(before);
  });

  it('keeps their credentials apart', async () => {
    const nodes = (cluster: string) =>
      scenario.ok(['kubectl', '--name', cluster, '--', 'get', 'nodes', '-o', 'name']);
    expect(await nodes(first)).toBe(`node/${first}-control-plane`);
    expect(await nodes(second)).toBe(`node/${second}-control-plane`);
    const contexts = await scenario.ok([
      'kubectl',
      '--name',
      first,
      '--',
      '--kubeconfig',
      scenario.kubeconfig,
      'config',
      'get-contexts',
      '-o',
      'name',
    ]);
    expect(contexts.split('\n').sort()).toEqual([`knest-${first}`, `knest-${second}`]);
    const [one, other] = await Promise.all(
      [first, second].map((cluster) => scenario.ok(['get', 'kubeconfig', '--name', cluster])),
    );
    const authority = (text: string | undefined) => /certificate-authority-data: (\S+)/.exec(text ?? '')?.[1];
    expect(authority(one)).not.toBe(authority(other));
  });

  it('deletes the second, and the first goes on', async () => {
    await scenario.ok(['delete', 'cluster', '--name', second]);
    const left = JSON.parse(await scenario.ok(['get', 'clusters', '-o', 'json'])) as ClusterSummary[];
    expect(left).toMatchObject([{ name: first, state: 'running' }]);
    expect(await greeting(first)).toBe(first);
    expect(await lifeOf(first)).toBe(before);
    // new ones can be made: the kernel settings and routes that a cluster needs are still there
    await scenario.kubectl(first, ['scale', 'deployment/web', '--replicas=2']);
    await scenario.kubectl(first, ['rollout', 'status', 'deployment/web', '--timeout=60s']);
  });

  it('deletes the first, and the host is as before', async () => {
    await scenario.ok(['delete', 'cluster', '--name', first]);
    await scenario.expectCleanHost();
  });
});
