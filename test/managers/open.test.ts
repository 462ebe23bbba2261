import { describe, expect, it } from 'vitest';

import { memoryHost } from '../../src/host/memory.ts';
import { machineManager } from '../../src/managers/open.ts';
import type { MachineManager } from '../../src/managers/types.ts';
import { machineOf, planOf } from '../fixtures/cluster.ts';
import { fakeManager } from '../fixtures/machine-manager.ts';

const cgroup = { version: 'v2', hierarchies: [] } as const;
const onDirect = planOf({ spec: { manager: 'direct' } });
const onSystemd = planOf({ spec: { manager: 'systemd' } });

/** All managers as one, and what each of them was asked. */
function managers(): { manager: MachineManager; asked: string[] } {
  const asked: string[] = [];
  const told = (name: string): MachineManager =>
    fakeManager(
      {},
      {
        leader: (machine) => {
          asked.push(`${name} leader ${machine.name}`);
          return Promise.resolve(1);
        },
        enterCommand: (_machine, argv, terminal) => Promise.resolve([name, ...argv, terminal]),
        tearDownHost: (plan, folder) => {
          asked.push(`${name} tearDownHost ${plan.cluster} ${folder}`);
          return Promise.resolve();
        },
      },
    );
  const factories = { systemd: () => told('systemd'), direct: () => told('direct') };
  return { manager: machineManager(memoryHost(), cgroup, factories), asked };
}

describe('machineManager', () => {
  it('asks the manager that a machine or a cluster was planned for', async () => {
    const { manager, asked } = managers();
    expect(await manager.leader(machineOf(onDirect))).toBe(1);
    await manager.leader(machineOf(onSystemd));
    await manager.tearDownHost(onSystemd, '/a');
    await manager.tearDownHost(onDirect, '/b');
    expect(asked).toEqual([
      'direct leader knest-control-plane',
      'systemd leader knest-control-plane',
      'systemd tearDownHost knest /a',
      'direct tearDownHost knest /b',
    ]);
  });

  it('hands all arguments on, and the answer back', async () => {
    const { manager } = managers();
    expect(await manager.enterCommand(machineOf(onSystemd), ['a', 'b'], 'xterm')).toEqual([
      'systemd',
      'a',
      'b',
      'xterm',
    ]);
  });

  it('says so when a plan is for a manager that this knest does not have', async () => {
    const { manager } = managers();
    const plan = { ...onDirect, manager: 'other' } as unknown as typeof onDirect;
    await expect(manager.afterStop(plan)).rejects.toMatchObject({
      message: expect.stringContaining('"other"') as string,
      hint: expect.stringContaining('systemd, direct') as string,
    });
  });
});
