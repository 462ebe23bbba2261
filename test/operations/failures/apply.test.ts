/** A cluster that runs is brought to another config; fails and is killed at many places, and the next command finishes it. */

import { afterAll, describe, expect, it, vi } from 'vitest';

import { applyCluster, diffCluster } from '../../../src/operations/change/apply-cluster.ts';
import { unfinishedChange } from '../../../src/operations/change/open-cluster.ts';
import { createCluster } from '../../../src/operations/create/create-cluster.ts';
import { startCluster } from '../../../src/operations/start-stop/clusters.ts';
import type * as issue from '../../../src/pki/issue.ts';
import type { ClusterSpec } from '../../../src/spec/types.ts';
import { readKeyMaterial, requireCluster } from '../../../src/state/clusters.ts';
import { clusterSpec, nodesOf } from '../../fixtures/cluster.ts';
import { allWords, live, sample, sayable } from './lives.ts';
import type { Verb } from './lives.ts';
import { closeApis } from './paper-api.ts';
import { copyOf, paperHost, paths } from './paper-host.ts';
import type { PaperHost } from './paper-host.ts';

vi.mock('../../../src/workstation/agent-program.ts', () => ({
  agentProgram: () => Promise.resolve('agent'),
}));
vi.mock('../../../src/pki/issue.ts', async (original) =>
  (await import('./quick-keys.ts')).quickly(await original<typeof issue>()),
);
afterAll(closeApis);

const name = 'knest';
const wait = 3_000;
const before = clusterSpec({ nodes: nodesOf('control-plane', 'worker', 'worker') });
const [control, first, second] = nodesOf('control-plane', 'worker', 'worker');
if (!control || !first || !second) throw new Error('no nodes');

/** The second worker goes, a third one comes, the first one gets a mount and a label. */
const wanted: ClusterSpec = {
  ...before,
  nodes: [
    { ...control, labels: { zone: 'a' } },
    {
      ...first,
      labels: { tier: 'front' },
      extraMounts: [
        { hostPath: '/srv/data', containerPath: '/data', readOnly: false, propagation: 'None', type: '' },
      ],
    },
    { ...second, name: 'knest-worker3' },
  ],
};
const apply: Verb = (context) => applyCluster({ ...context, name, spec: wanted, wait });
const start: Verb = (context) => startCluster({ ...context, name, wait });

const running = await paperHost();
const created = await live(running, (context) => createCluster({ ...context, spec: before, wait }));

async function expectSettled({ host }: PaperHost): Promise<string[]> {
  const record = await requireCluster(host, paths, name);
  const material = await readKeyMaterial(host, paths, name);
  expect(unfinishedChange({ record, material })).toBeUndefined();
  expect(record.applied.machines.filter(({ underway }) => underway)).toEqual([]);
  expect(await host.list(`${paths.state}/locks`)).toEqual([]);
  const { plan, spec } = record;
  expect(spec.nodes.map((node) => node.name)).toEqual(plan.machines.map((machine) => machine.name));
  return plan.machines.map((machine) => machine.name);
}

const old = ['knest-control-plane', 'knest-worker', 'knest-worker2'];
const fresh = ['knest-control-plane', 'knest-worker', 'knest-worker3'];

describe('apply', async () => {
  const paper = await copyOf(running);
  const good = await live(paper, apply);

  it('does what the config says, node by node', async () => {
    expect(created.error).toBeUndefined();
    expect(good.error).toBeUndefined();
    expect(await expectSettled(paper)).toEqual(fresh);
    const { plan } = await requireCluster(paper.host, paths, name);
    expect(plan.machines[1]?.binds.at(-1)).toMatchObject({ source: '/srv/data', target: '/data' });
    const steps = good.events.flatMap((event) => (event.type === 'started' ? [event.id] : []));
    const order = [
      'change/knest-worker2/drain',
      'delete-node/knest-worker2/machine',
      'others',
      'change/knest-worker/machine',
      'change/knest-worker/well',
      'machine/knest-worker3',
    ];
    expect(steps.filter((id) => order.includes(id))).toEqual(order);
  });

  it('has no machine to change when it is applied again', async () => {
    const again = await copyOf(paper);
    const life = await live(again, async (context) => {
      expect((await diffCluster({ ...context, name, spec: wanted })).machines).toEqual([]);
    });
    expect(life.error).toBeUndefined();
  });

  it('writes again what was changed by hand', async () => {
    const touched = await copyOf(paper);
    const file = `${paths.state}/machines/knest-worker/root/etc/kubernetes/kubelet.yaml`;
    await touched.host.writeFile(file, 'somebody was here\n', 0o644);
    const says: string[] = [];
    const looked = await live(touched, async (context) => {
      const diff = await diffCluster({ ...context, name });
      says.push(...diff.machines.flatMap((machine) => machine.changes.map((change) => change.says)));
    });
    expect(looked.error).toBeUndefined();
    expect(says).toContain('/etc/kubernetes/kubelet.yaml was changed by hand');
    const mended = await live(touched, (context) => applyCluster({ ...context, name, wait }));
    expect(mended.error).toBeUndefined();
    expect(await touched.host.readFile(file)).toContain('KubeletConfiguration');
    await expectSettled(touched);
  });

  it('touches nothing when it is not wanted', async () => {
    const asked = await copyOf(running);
    const life = await live(asked, async (context) => {
      const { applied } = await applyCluster({ ...context, name, spec: wanted, confirm: () => false });
      expect(applied).toBe(false);
    });
    expect(life.error).toBeUndefined();
    expect(await expectSettled(asked)).toEqual(old);
  });

  const places = sample(good.calls, { looks: 4, last: false }).filter((_, index) => index % 4 === 0);
  it.each(places)('fails at call $nth of: $call', async (at) => {
    const broken = await copyOf(running);
    const life = await live(broken, apply, { kind: 'once', at });
    if (life.error !== undefined) expect(allWords(sayable(life.error))).toContain('scripted');
    const next = await live(broken, start);
    expect(next.error).toBeUndefined();
    expect([old, fresh]).toContainEqual(await expectSettled(broken));
  });

  const every = Array.from({ length: 8 }, (_, index) => Math.floor((index * good.calls.length) / 8));
  it.each(every)('is killed after %i calls, and finished by the next command', async (count) => {
    const broken = await copyOf(running);
    await live(broken, apply, { kind: 'kill', at: { count } });
    const next = await live(broken, start);
    expect(next.error).toBeUndefined();
    expect([old, fresh]).toContainEqual(await expectSettled(broken));
  });

  it.each(every)('is killed after %i calls, and taken back by another apply', async (count) => {
    const broken = await copyOf(running);
    await live(broken, apply, { kind: 'kill', at: { count } });
    const back = await live(broken, (context) => applyCluster({ ...context, name, spec: before, wait }));
    expect(back.error).toBeUndefined();
    expect(await expectSettled(broken)).toEqual(old);
    const { plan } = await requireCluster(broken.host, paths, name);
    expect(plan.machines[1]?.binds.some(({ target }) => target === '/data')).toBe(false);
  });
});
