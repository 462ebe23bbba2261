/** Three control planes: each dies in turn while a client writes, and nothing that was acknowledged is lost. */

import { kill } from 'node:process';

import { expect, it } from 'vitest';

import type { ClusterStatus, NodeSummary } from '../../../src/operations/types.ts';
import { busyboxArchive } from '../support/busybox.ts';
import { eventually } from '../support/eventually.ts';
import { deployment } from '../support/manifests.ts';
import { describeScenario } from '../support/scenario.ts';
import { startWriter } from '../support/writer.ts';
import type { WriterReport } from '../support/writer.ts';

const name = 'e2e-ha';
const controlPlanes = ['', '2', '3'].map((number) => `${name}-control-plane${number}`);

describeScenario('a control plane dies', { story: true }, (scenario) => {
  const nodes = async () =>
    JSON.parse(await scenario.ok(['get', 'nodes', '--name', name, '-o', 'json'])) as NodeSummary[];
  const status = async () => {
    const { stdout } = await scenario.knest(['status', 'cluster', '--name', name, '-o', 'json']);
    return JSON.parse(stdout) as ClusterStatus;
  };
  const machine = async (node: string) => {
    const found = (await nodes()).find((one) => one.name === node);
    if (!found) throw new Error(`there is no ${node}`);
    return found;
  };
  /** Pulls the plug of a node; the client goes on writing until the node is back. */
  const survive = async (node: string): Promise<WriterReport> => {
    const writer = await startWriter(scenario, name);
    await eventually('it writes', async () => {
      expect(writer.silence()).toBeLessThan(500);
      return Promise.resolve();
    });
    kill((await machine(node)).leader ?? 0, 'SIGKILL');
    await eventually('it has ended', async () => {
      expect((await machine(node)).state).toBe('stopped');
    });
    // long enough for whatever takes time to go wrong: the address, the leader, connections that hang
    await eventually(
      'writes have resumed',
      async () => {
        expect(writer.silence()).toBeLessThan(500);
        return Promise.resolve();
      },
      60_000,
    );
    await scenario.ok(['start', 'node', node]);
    const report = await writer.stop();
    console.log(
      `${node}: ${report.acknowledged} writes, longest gap ${report.longestGap} ms, ${report.lost.length} lost`,
    );
    return report;
  };

  it('create three control planes and a worker', async () => {
    await scenario.ok(['create', 'cluster', '--name', name, '--control-planes', '3', '--nodes', '4']);
    const { etcd, nodes: seen } = await status();
    expect(etcd.members.map((member) => member.name).sort()).toEqual(controlPlanes);
    expect(etcd.members.filter(({ leader }) => leader)).toHaveLength(1);
    expect(seen.filter(({ holdsApiAddress }) => holdsApiAddress)).toHaveLength(1);
  });

  it.each(controlPlanes)(
    '%s dies: writes go on within seconds, none is lost, it comes back',
    async (node) => {
      const { lost, longestGap, acknowledged } = await survive(node);
      expect(lost).toEqual([]);
      expect(acknowledged).toBeGreaterThan(20);
      expect(longestGap).toBeLessThan(15_000);
    },
  );

  it('the leader of etcd, which holds the API’s address as well, dies', async () => {
    const holder = (await status()).nodes.find(({ holdsApiAddress }) => holdsApiAddress)?.name ?? '';
    // leadership goes where the address is, so that both are lost at once
    await moveLeader(holder);
    const { lost, longestGap } = await survive(holder);
    expect(lost).toEqual([]);
    expect(longestGap).toBeLessThan(15_000);
  });

  it('all members are there again, and follow one leader', async () => {
    await eventually('three healthy members', async () => {
      const { etcd } = await status();
      expect(etcd.members.map(({ ok }) => ok)).toEqual([true, true, true]);
    });
  });

  it('an API server alone dies: another control plane takes its address', async () => {
    const holder = (await status()).nodes.find(({ holdsApiAddress }) => holdsApiAddress)?.name ?? '';
    const writer = await startWriter(scenario, name);
    await scenario.ok(['exec', holder, '--', 'systemctl', 'stop', 'kube-apiserver']);
    await eventually(
      'the address has moved and writes go on',
      async () => {
        const now = (await status()).nodes.find(({ holdsApiAddress }) => holdsApiAddress)?.name;
        expect(now).not.toBe(holder);
        expect(now).toBeDefined();
        expect(writer.silence()).toBeLessThan(500);
      },
      60_000,
    );
    await scenario.ok(['exec', holder, '--', 'systemctl', 'start', 'kube-apiserver']);
    expect((await writer.stop()).lost).toEqual([]);
  });

  it('the worker dies: its pods move to others', async () => {
    await scenario.ok(['load', 'image-archive', await busyboxArchive(), '--name', name]);
    const moving = deployment('moving', 1, 'exec sleep 1000000');
    const { template } = moving.spec;
    const tolerations = [
      { key: 'node-role.kubernetes.io/master', operator: 'Exists' },
      // instead of five minutes
      ...['not-ready', 'unreachable'].map((what) => ({
        key: `node.kubernetes.io/${what}`,
        operator: 'Exists',
        effect: 'NoExecute',
        tolerationSeconds: 1,
      })),
    ];
    const prefersWorker = {
      nodeAffinity: {
        preferredDuringSchedulingIgnoredDuringExecution: [
          {
            weight: 100,
            preference: {
              matchExpressions: [{ key: 'node-role.kubernetes.io/control-plane', operator: 'DoesNotExist' }],
            },
          },
        ],
      },
    };
    const spec = { ...template.spec, tolerations, affinity: prefersWorker };
    const input = JSON.stringify({ ...moving, spec: { ...moving.spec, template: { ...template, spec } } });
    await scenario.kubectl(name, ['apply', '-f', '-'], { input });
    await scenario.kubectl(name, ['rollout', 'status', 'deployment/moving', '--timeout=60s']);
    const where =
      '{range .items[?(@.status.phase=="Running")]}{.spec.nodeName} {.metadata.deletionTimestamp}{"\\n"}{end}';
    const runsOn = () =>
      scenario.kubectl(name, ['get', 'pods', '-l', 'app=moving', '-o', `jsonpath=${where}`]);
    expect(await runsOn()).toContain(`${name}-worker`);
    const killed = Date.now();
    kill((await machine(`${name}-worker`)).leader ?? 0, 'SIGKILL');
    await eventually(
      'it runs on a control plane',
      async () => {
        expect(await runsOn()).toMatch(/control-plane\d? *$/m);
      },
      120_000,
    );
    console.log(`the worker's pod ran elsewhere after ${Math.round((Date.now() - killed) / 1000)} s`);
    await scenario.ok(['start', 'node', `${name}-worker`]);
  });

  it('stop and start all of them', async () => {
    await scenario.ok(['stop', 'cluster', '--name', name]);
    await scenario.ok(['start', 'cluster', '--name', name]);
    const writer = await startWriter(scenario, name);
    await eventually('it writes', async () => {
      expect(writer.silence()).toBeLessThan(500);
      return Promise.resolve();
    });
    expect((await writer.stop()).lost).toEqual([]);
  });

  it('delete: the host is as before', async () => {
    await scenario.ok(['delete', 'cluster', '--name', name]);
    await scenario.expectCleanHost();
  });

  async function moveLeader(to: string): Promise<void> {
    const pki = '/etc/kubernetes/pki';
    const curl = [
      ...['curl', '-fsS', '--cacert', `${pki}/etcd-ca.crt`],
      ...['--cert', `${pki}/etcd-healthcheck-client.crt`, '--key', `${pki}/etcd-healthcheck-client.key`],
    ];
    const { etcd } = await status();
    const [leader, target] = [
      etcd.members.find((one) => one.leader),
      etcd.members.find((one) => one.name === to),
    ];
    if (leader?.name === to) return;
    const body = JSON.stringify({ targetID: BigInt(`0x${target?.id}`).toString() });
    const url = 'https://127.0.0.1:2379/v3/maintenance/transfer-leadership';
    await scenario.ok(['exec', leader?.name ?? '', '--', ...curl, '-d', body, url]);
    await eventually('leadership has moved', async () => {
      expect((await status()).etcd.members.find((one) => one.leader)?.name).toBe(to);
    });
  }
});
