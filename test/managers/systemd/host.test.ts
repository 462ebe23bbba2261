import { describe, expect, it } from 'vitest';

import { memoryHost } from '../../../src/host/memory.ts';
import { systemdManager } from '../../../src/managers/systemd/manager.ts';
import { runOf } from '../../../src/plan/managers/run-of.ts';
import type { ClusterPlan } from '../../../src/plan/types.ts';
import { planOf } from '../../fixtures/cluster.ts';

const cgroup = { version: 'v2', hierarchies: ['/sys/fs/cgroup'] } as const;
const folder = '/var/lib/knest/clusters/knest';
const planned = planOf({ spec: { manager: 'systemd' } });
const run = runOf(planned.host, 'systemd');
/** Kernel settings are the business of other tests: they go by locks of this machine. */
const plan: ClusterPlan = {
  ...planned,
  host: { ...planned.host, sysctls: [], teardown: [{ why: 'test', argv: ['ip', 'down'] }] },
};
const answers = { systemctl: {}, networkctl: {}, rmdir: {}, ip: {} };

describe('the host of the manager systemd', () => {
  it('gets units, then its network by them, then the target alone', async () => {
    const host = memoryHost({ answers });
    await systemdManager(host, cgroup).setUpHost(plan, folder);
    expect([...host.files.keys()].sort()).toEqual(run.files.map(({ path }) => path).sort());
    expect(host.commands.map((argv) => argv.join(' '))).toEqual([
      'systemctl daemon-reload',
      'networkctl reload',
      'systemctl reload-or-restart -- knest-knest-network.service',
      'systemctl start --job-mode=ignore-dependencies -- knest-knest.target',
      'systemctl start -- knest-knest-rules.service',
    ]);
  });

  it('is brought to a new plan in the same way', async () => {
    const host = memoryHost({ answers });
    const manager = systemdManager(host, cgroup);
    await manager.setUpHost(plan, folder);
    const first = host.commands.splice(0);
    await manager.updateHost(plan);
    expect(host.commands).toEqual(first);
  });

  it('has nothing left when it is torn down: units, network, and what the network unit did not undo', async () => {
    const host = memoryHost({ answers });
    const manager = systemdManager(host, cgroup);
    await manager.setUpHost(plan, folder);
    host.commands.splice(0);
    await manager.tearDownHost(plan, folder);
    expect([...host.files.keys()]).toEqual([]);
    expect(host.commands.map((argv) => argv.join(' ')).filter((line) => !line.startsWith('rmdir'))).toEqual([
      'systemctl stop -- knest-knest.target knest-knest-rules.service knest-knest-network.service',
      'systemctl daemon-reload',
      'networkctl reload',
      'ip down',
    ]);
  });

  it('is not written over where somebody else has a unit of that name', async () => {
    const path = '/etc/systemd/system/knest-knest.target';
    const host = memoryHost({ files: { [path]: '[Unit]\n' }, answers });
    await expect(systemdManager(host, cgroup).setUpHost(plan, folder)).rejects.toThrow(`${path} exists`);
    expect(host.commands).toEqual([]);
  });
});
