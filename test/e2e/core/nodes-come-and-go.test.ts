/** A cluster of several nodes grows, shrinks, is stopped and started; pods, Services and ports work all the time. */

import { expect, it } from 'vitest';

import type { AddNodesResult, ClusterStatus, NodeSummary } from '../../../src/operations/types.ts';
import { must } from '../support/cli.ts';
import { busyboxArchive } from '../support/busybox.ts';
import { deployment } from '../support/manifests.ts';
import { describeScenario } from '../support/scenario.ts';
import { expectAllConnected, startWeb } from '../support/web.ts';

const name = 'e2e-nodes';

describeScenario('nodes come and go', { story: true }, (scenario) => {
  const nodes = async () =>
    JSON.parse(await scenario.ok(['get', 'nodes', '--name', name, '-o', 'json'])) as NodeSummary[];
  const status = async () =>
    JSON.parse(await scenario.ok(['status', 'cluster', '--name', name, '-o', 'json'])) as ClusterStatus;

  it('create with two workers: all are Ready, the control plane is tainted', async () => {
    await scenario.ok(['create', 'cluster', '--name', name, '--nodes', '3']);
    expect(await nodes()).toMatchObject([
      { name: `${name}-control-plane`, role: 'control-plane', status: 'Ready', address: endingWith('.2') },
      { name: `${name}-worker`, role: 'worker', status: 'Ready', address: endingWith('.3') },
      { name: `${name}-worker2`, role: 'worker', status: 'Ready', address: endingWith('.4') },
    ]);
    const taints = await scenario.kubectl(name, [
      'get',
      'nodes',
      '-o',
      'jsonpath={.items[*].spec.taints[*].key}',
    ]);
    expect(taints).toBe('node-role.kubernetes.io/master');
  });

  it('pods and Services reach each other across nodes', async () => {
    await startWeb(scenario, name);
    await expectAllConnected(scenario, name);
  });

  it('add a worker: it is Ready, and reached by and from everywhere', async () => {
    const added = JSON.parse(
      await scenario.ok([
        'add',
        'node',
        '--name',
        name,
        '--role',
        'worker',
        '--label',
        'tier=edge',
        '-o',
        'json',
      ]),
    ) as AddNodesResult;
    expect(added.nodes).toEqual([`${name}-worker3`]);
    expect(await scenario.kubectl(name, ['get', 'nodes', '-l', 'tier=edge', '-o', 'name'])).toBe(
      `node/${name}-worker3`,
    );
    await scenario.ok([
      'load',
      'image-archive',
      await busyboxArchive(),
      '--name',
      name,
      '--nodes',
      `${name}-worker3`,
    ]);
    await expectAllConnected(scenario, name);
  });

  it('delete a worker: its pods have moved before it goes, nothing of it is left', async () => {
    const input = JSON.stringify(deployment('moving', 3, 'exec sleep 1000000'));
    await scenario.kubectl(name, ['apply', '-f', '-'], { input });
    await scenario.kubectl(name, ['rollout', 'status', 'deployment/moving', '--timeout=60s']);
    const podSubnet = (await nodes())[1]?.podSubnets[0];
    expect(await must(['ip', 'route'])).toContain(podSubnet);
    await scenario.ok(['delete', 'node', `${name}-worker`, '--name', name]);
    expect((await nodes()).map((node) => node.name)).not.toContain(`${name}-worker`);
    expect(await scenario.kubectl(name, ['get', 'nodes', '-o', 'name'])).not.toMatch(/worker$/m);
    expect(await must(['ip', 'route'])).not.toContain(podSubnet);
    const kept = JSON.parse(await scenario.kubectl(name, ['get', 'deployment', 'moving', '-o', 'json'])) as {
      status: { replicas: number };
    };
    expect(kept.status.replicas).toBe(3);
    await scenario.kubectl(name, ['rollout', 'status', 'deployment/moving', '--timeout=60s']);
    await expectAllConnected(scenario, name);
  });

  it('the next worker takes the free name and place', async () => {
    await scenario.ok(['add', 'node', '--name', name]);
    expect(await nodes()).toContainEqual(
      expect.objectContaining({
        name: `${name}-worker`,
        address: endingWith('.3'),
        podSubnets: [endingWith('.1.0/24')],
      }),
    );
  });

  it('stop and start a node: its pods run again', async () => {
    await scenario.ok(['stop', 'node', `${name}-worker2`]);
    expect(await nodes()).toContainEqual(
      expect.objectContaining({ name: `${name}-worker2`, state: 'stopped' }),
    );
    await scenario.ok(['start', 'node', `${name}-worker2`]);
    await scenario.ok(['delete', 'node', `${name}-worker`]);
    await expectAllConnected(scenario, name);
  });

  it('stop and start the cluster: all is as before', async () => {
    await scenario.ok(['stop', 'cluster', '--name', name]);
    expect((await nodes()).map(({ state }) => state)).toEqual(['stopped', 'stopped', 'stopped']);
    await scenario.ok(['start', 'cluster', '--name', name]);
    await expectAllConnected(scenario, name);
    const { nodes: seen, etcd } = await status();
    expect(seen.every(({ ready, probes }) => ready && probes.every(({ ok }) => ok))).toBe(true);
    expect(etcd.members).toHaveLength(1);
  });

  it('exec on several nodes tells who says what', async () => {
    const lines = (await scenario.ok(['exec', '--all', '--name', name, '--', 'hostname'])).trim().split('\n');
    const expected = (await nodes()).map((node) => node.name);
    expect(lines.map((line) => line.split(' | ')[1]).sort()).toEqual([...expected].sort());
    for (const line of lines) expect(line.split(' | ')[0]?.trim()).toBe(line.split(' | ')[1]);
  });

  it('delete: the host is as before', async () => {
    await scenario.ok(['delete', 'cluster', '--name', name]);
    await scenario.expectCleanHost();
  });
});

function endingWith(text: string): string {
  return expect.stringMatching(new RegExp(`${text.replaceAll('.', '\\.')}$`)) as string;
}
