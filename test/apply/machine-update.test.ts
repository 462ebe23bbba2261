import { describe, expect, it } from 'vitest';

import { updateMachine } from '../../src/apply/machine-update.ts';
import { diffMachine } from '../../src/diff/diff-machine.ts';
import { memoryHost } from '../../src/host/memory.ts';
import { issuePki } from '../../src/pki/issue.ts';
import type { ClusterPlan, MachinePlan } from '../../src/plan/types.ts';
import { machineOf, nodeSpec, nodesOf, planOf } from '../fixtures/cluster.ts';
import { fakeManager } from '../fixtures/machine-manager.ts';

const alone = planOf();
const withWorker = planOf({
  spec: { nodes: [nodeSpec(), nodeSpec({ name: 'knest-worker', role: 'worker' })] },
  previous: alone,
});
const three = planOf({
  spec: { nodes: nodesOf('control-plane', 'control-plane', 'control-plane') },
  previous: alone,
});

function change(before: ClusterPlan, after: ClusterPlan) {
  const difference = diffMachine(machineOf(before), machineOf(after));
  if (!difference) throw new Error('there is no difference');
  return difference.work;
}

describe('the work on a machine', () => {
  it('is none between equal plans', () => {
    expect(diffMachine(machineOf(alone), machineOf(planOf()))).toBeUndefined();
  });

  it('restarts nothing for a new worker: others learn its routes and its name', () => {
    const { write, ...rest } = change(alone, withWorker);
    expect(write.map(({ path }) => path).sort()).toEqual([
      '/etc/hosts',
      '/etc/systemd/network/10-host0.network',
    ]);
    expect(rest).toEqual({
      ...{ remove: [], stop: [], restart: [], removeFromHost: [] },
      ...{ reload: false, reboot: false },
    });
  });

  it('restarts what behaves in another way beside other control planes, etcd first', () => {
    const { restart, reload, stop } = change(alone, three);
    expect(restart).toEqual([
      'etcd.service',
      'knest-api-address.service',
      'kube-controller-manager.service',
      'kube-scheduler.service',
    ]);
    expect(reload).toBe(true);
    expect(stop).toEqual([]);
  });

  it('ends what the last control plane that stays does not need', () => {
    const { stop, remove } = change(three, planOf({ previous: three }));
    expect(stop).toEqual(['knest-api-address.service']);
    expect([...remove].sort()).toEqual([
      '/etc/keepalived/keepalived.conf',
      '/etc/systemd/system/k8s.target.wants/knest-api-address.service',
      '/etc/systemd/system/knest-api-address.service',
      '/usr/local/lib/knest/api-is-ready',
    ]);
  });

  it('restarts a unit whose configuration has changed', () => {
    const nodes = nodesOf('control-plane').map((node) => ({
      ...node,
      kubelet: { extraArgs: {}, config: { maxPods: 20 } },
    }));
    expect(change(alone, planOf({ spec: { nodes } })).restart).toEqual(['kubelet.service']);
  });
});

describe('updateMachine', () => {
  const before = machineOf(alone);
  const after = machineOf(three);
  const material = issuePki(three.pki, new Map(), new Date());
  const update = async (mounted: boolean, running: boolean) => {
    const host = memoryHost({
      files: { '/proc/self/mountinfo': mounted ? `1 1 0:1 / ${after.root} rw - overlay overlay rw\n` : '' },
    });
    const manager = fakeManager(
      { systemctl: '', ip: '' },
      { leader: () => Promise.resolve(running ? 102 : undefined) },
    );
    await updateMachine(host, manager, before, after, await material);
    return { host, manager };
  };
  const unit = '/etc/systemd/system/knest-api-address.service';

  it('writes through the mounted overlay of a machine that runs, then tells systemd and the kernel', async () => {
    const { host, manager } = await update(true, true);
    expect(host.files.has(`${after.root}${unit}`)).toBe(true);
    expect(host.files.has(`${after.upper}${unit}`)).toBe(false);
    expect(manager.commands).toEqual([
      'systemctl daemon-reload',
      ...['etcd', 'knest-api-address', 'kube-controller-manager', 'kube-scheduler'].map(
        (name) => `systemctl restart -- ${name}.service`,
      ),
      ...liveCommands(after),
    ]);
  });

  it('writes into the upper directory of one that is off, and runs nothing', async () => {
    const { host, manager } = await update(false, false);
    expect(host.files.has(`${after.upper}${unit}`)).toBe(true);
    expect(manager.commands).toEqual([]);
  });
});

describe('updateMachine, where binds are others', () => {
  const before = machineOf(alone);
  const [node] = nodesOf('control-plane');
  const extraMounts = [
    {
      ...{ hostPath: '/srv', containerPath: '/srv', readOnly: false },
      ...{ propagation: 'None' as const, type: 'DirectoryOrCreate' as const },
    },
  ];
  const after = machineOf(planOf({ spec: { nodes: [{ ...nodeSpec(node), extraMounts }] } }));
  const update = async (running: boolean) => {
    const host = memoryHost();
    const told: string[] = [];
    const written: string[] = [];
    const say = (what: string) => async (machine: MachinePlan) => {
      const folder = (await host.stat('/srv')) ? '/srv' : 'no /srv';
      told.push(`${what} ${String(machine.binds.length)}, ${folder}`);
    };
    const manager = fakeManager(
      {},
      {
        leader: () => Promise.resolve(running ? 102 : undefined),
        stop: say('stop'),
        start: say('start'),
        writeFiles: ({ name }) => {
          written.push(name);
          return Promise.resolve();
        },
      },
    );
    await updateMachine(host, manager, before, after, await issuePki(alone.pki, new Map(), new Date()));
    return { told, written, commands: manager.commands };
  };

  it('has it off while they change, as it was, and on again as it is to be', async () => {
    const { told, written, commands } = await update(true);
    const binds = before.binds.length;
    expect(told).toEqual([`stop ${String(binds)}, no /srv`, `start ${String(binds + 1)}, /srv`]);
    expect(commands).toEqual([]);
    expect(written).toEqual([after.name]);
  });

  it('leaves one off that was off', async () => {
    const { told, written } = await update(false);
    expect(told).toEqual([]);
    expect(written).toEqual([after.name]);
  });
});

function liveCommands({ liveCommands: planned }: MachinePlan): string[] {
  expect(planned.length).toBeGreaterThan(0);
  return planned.map(({ argv }) => argv.join(' '));
}
