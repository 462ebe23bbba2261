/** A cluster of a control plane and a worker becomes what a changed config says, while a client writes all the time. */

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';

import type { ClusterDiff } from '../../../src/operations/change/apply-cluster.ts';
import type { Config } from '../../../src/spec/schema.ts';
import { describeScenario } from '../support/scenario.ts';
import { startWriter } from '../support/writer.ts';

const name = 'e2e-apply';
const [control, worker, worker2] = ['control-plane', 'worker', 'worker2'].map(
  (role) => `${name}-${role}`,
) as [string, string, string];

describeScenario('apply a changed config', { story: true }, (scenario) => {
  let folder = '';
  let config: Config;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'knest-apply-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const file = (): string => join(folder, 'lab.yaml');
  const write = (changed: Config): Promise<void> => writeFile(file(), stringify(changed));
  const get = async (...args: string[]): Promise<Config> =>
    parse(await scenario.ok(['get', 'config', name, ...args])) as Config;
  const diff = async (): Promise<{ exitCode: number; found: ClusterDiff }> => {
    const { exitCode, stdout } = await scenario.knest(['diff', '--config', file(), '-o', 'json']);
    return { exitCode, found: JSON.parse(stdout) as ClusterDiff };
  };

  it('its own config changes nothing, with all defaults too', async () => {
    await scenario.ok(['create', 'cluster', '--name', name, '--nodes', '2']);
    config = await get();
    for (const same of [config, await get('-o', 'full')]) {
      await write(same);
      const { exitCode, found } = await diff();
      expect(found).toMatchObject({ differs: false, machines: [], host: [] });
      expect(exitCode).toBe(0);
    }
  });

  it('what cannot change is refused with its line', async () => {
    await write({ ...config, network: { ...config.network, podSubnet: '10.199.0.0/16' } });
    const { exitCode, stderr } = await scenario.knest(['apply', '--yes', '--config', file()]);
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/lab\.yaml:\d+:\d+ {2}network\.podSubnet: is /);
  });

  it('ports, labels, a mount, a kubelet setting and a new node, and no write is lost', async () => {
    const [first, second] = config.nodes ?? [];
    if (!first || !second) throw new Error('two nodes were made');
    config = {
      ...config,
      components: { ...config.components, kubelet: { config: { maxPods: 77 } } },
      nodes: [
        { ...first, labels: { zone: 'a' } },
        {
          ...second,
          labels: { tier: 'front' },
          extraMounts: [{ hostPath: folder, containerPath: '/data' }],
          extraPortMappings: [{ containerPort: 30_080, hostPort: 28_080, listenAddress: '127.0.0.1' }],
        },
        { role: 'worker' },
      ],
    };
    await write(config);
    const { exitCode, found } = await diff();
    expect(exitCode).toBe(1);
    expect(found.cost).toBe('machine rebooted');
    const refused = await scenario.knest(['apply', '--config', file()]);
    expect(refused.exitCode).toBe(2);
    expect(refused.stderr).toContain('--yes');
    const writer = await startWriter(scenario, name);
    await scenario.ok(['apply', '--yes', '--config', file()]);
    const { lost, acknowledged, longestGap } = await writer.stop();
    console.log(`${acknowledged} writes, longest gap ${longestGap} ms, ${lost.length} lost`);
    expect(lost).toEqual([]);
    expect(acknowledged).toBeGreaterThan(20);

    const nodes = JSON.parse(await scenario.kubectl(name, ['get', 'nodes', '-o', 'json'])) as {
      items: {
        metadata: { name: string; labels: Record<string, string>; annotations?: Record<string, string> };
        spec: { unschedulable?: boolean };
        status: { capacity: { pods: string } };
      }[];
    };
    const byName = new Map(nodes.items.map((node) => [node.metadata.name, node]));
    expect([...byName.keys()].sort()).toEqual([control, worker, worker2].sort());
    expect(byName.get(control)?.metadata.labels).toMatchObject({ zone: 'a' });
    expect(byName.get(worker)?.metadata.labels).toMatchObject({ tier: 'front' });
    expect(nodes.items.map(({ status }) => status.capacity.pods)).toEqual(['77', '77', '77']);
    expect(nodes.items.filter(({ spec }) => spec.unschedulable)).toEqual([]);
    expect(await scenario.ok(['exec', worker, '--', 'ls', '/data'])).toContain('lab.yaml');
    expect((await diff()).exitCode).toBe(0);
  });

  it('what was changed by hand is found, and put right', async () => {
    const unit = '/etc/systemd/system/kube-proxy.service';
    await scenario.ok(['exec', worker, '--', 'sh', '-c', `echo '# by hand' >> ${unit}`]);
    const found = await scenario.knest(['diff', name]);
    expect(found.exitCode).toBe(1);
    expect(found.stdout).toContain(`${unit} was changed by hand`);
    await scenario.ok(['apply', name, '--yes']);
    expect((await scenario.knest(['diff', name])).exitCode).toBe(0);
    expect(await scenario.ok(['exec', worker, '--', 'cat', unit])).not.toContain('# by hand');
  });

  it('a node that is not in the config any more goes', async () => {
    const [first, second] = config.nodes ?? [];
    if (!first || !second) throw new Error('two nodes were made');
    await write({ ...config, nodes: [first, second] });
    const writer = await startWriter(scenario, name);
    await scenario.ok(['apply', '--yes', '--config', file()]);
    expect((await writer.stop()).lost).toEqual([]);
    const names = await scenario.kubectl(name, ['get', 'nodes', '-o', 'name']);
    expect(names.trim().split('\n').sort()).toEqual([`node/${control}`, `node/${worker}`].sort());
  });
});
