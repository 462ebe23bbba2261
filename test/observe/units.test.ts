import { describe, expect, it } from 'vitest';

import { isTroubled, readTroubles, readUnits } from '../../src/observe/units.ts';
import { machineOf, planOf } from '../fixtures/cluster.ts';
import { fakeManager } from '../fixtures/machine-manager.ts';

const machine = machineOf(planOf());

describe('readUnits', () => {
  it('asks for all units of the machine at once', async () => {
    const manager = fakeManager({
      'systemctl show':
        'Id=etcd.service\nActiveState=active\nSubState=running\nResult=success\nNRestarts=1\n',
    });
    expect(await readUnits(manager, machine)).toEqual([
      { name: 'etcd.service', active: 'active', sub: 'running', result: 'success', restarts: 1 },
    ]);
    expect(manager.commands.length).toBe(1);
    for (const { name } of machine.units) expect(manager.commands[0]).toContain(` ${name}`);
  });
});

describe('readTroubles', () => {
  it('gives what units in trouble say, first of those that need no other one', async () => {
    const manager = fakeManager({
      'journalctl --no-pager --output=cat --unit=kubelet.service': 'E1127 09:21:00.1 1 a.go:1] no runtime\n',
      'journalctl --no-pager --output=cat --unit=containerd.service': '',
    });
    const unit = { active: 'activating', sub: 'auto-restart', result: 'exit-code', restarts: 3 };
    const units = [
      { name: 'kubelet.service', ...unit },
      { name: 'kube-proxy.service', ...unit },
      { name: 'knest-agent.service', ...unit, active: 'active' },
      { name: 'containerd.service', ...unit },
    ];
    expect(await readTroubles(manager, machine, units)).toEqual([
      { unit: 'containerd.service', reason: undefined },
      { unit: 'kubelet.service', reason: 'no runtime' },
      // nobody could be asked
      { unit: 'kube-proxy.service', reason: undefined },
    ]);
  });
});

describe('isTroubled', () => {
  it.each([
    ['active', 0, false],
    ['active', 5, false],
    ['activating', 0, false],
    ['activating', 1, true],
    ['failed', 0, true],
    ['inactive', 0, false],
  ])('of a unit that is %s after %i restarts is %s', (active, restarts, expected) => {
    expect(isTroubled({ name: 'x', active, sub: '', result: '', restarts })).toBe(expected);
  });
});
