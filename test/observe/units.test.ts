import { describe, expect, it } from 'vitest';

import { isTroubled, readJournal, readUnits } from '../../src/observe/units.ts';
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

describe('readJournal', () => {
  it('gives the last lines of one unit', async () => {
    const manager = fakeManager({ 'journalctl --no-pager': 'one\ntwo\n\nthree\n' });
    expect(await readJournal(manager, machine, 'etcd.service', 2)).toEqual(['two', 'three']);
    expect(manager.commands[0]).toContain('--unit=etcd.service --lines=2');
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
