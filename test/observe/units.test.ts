import { describe, expect, it } from 'vitest';

import { isTroubled, readFailure, readUnits } from '../../src/observe/units.ts';
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

describe('readFailure', () => {
  it('gives the reason, and the last lines without stacks', async () => {
    const journal = [
      'F1127 09:21:00.1 1 a.go:1] why',
      'goroutine 1 [running]:',
      'main.f()',
      'x.service: Failed with result',
    ];
    const manager = fakeManager({ 'journalctl --no-pager': ['one', 'two', '', ...journal, ''].join('\n') });
    expect(await readFailure(manager, machine, 'etcd.service', 2)).toEqual({
      reason: 'why',
      lines: ['F1127 09:21:00.1 1 a.go:1] why', 'x.service: Failed with result'],
    });
    expect(manager.commands[0]).toContain('--unit=etcd.service --lines=');
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
