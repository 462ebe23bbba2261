import { describe, expect, it } from 'vitest';

import { CommandError } from '../../src/errors.ts';
import { readFailure, withReason } from '../../src/managers/unit-failure.ts';
import { machineOf, planOf } from '../fixtures/cluster.ts';
import { fakeManager } from '../fixtures/machine-manager.ts';

const machine = machineOf(planOf());

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

describe('withReason', () => {
  const refused = new CommandError('memory', ['systemctl', 'restart', 'etcd.service'], 1, 'Job failed.\n');

  it('puts what the unit says before what systemctl says', async () => {
    const manager = fakeManager({
      'journalctl --no-pager':
        '2026-11-27 09:21:00.123456 C | etcdmain: listen tcp 10.0.0.2:2380: bind: address already in use\n',
    });
    await expect(
      withReason(manager, machine, 'etcd.service', () => Promise.reject(refused)),
    ).rejects.toMatchObject({
      code: 'UNIT_FAILED',
      message: `etcd.service of ${machine.name} did not start: etcdmain: listen tcp 10.0.0.2:2380: bind: address already in use`,
      hint: `see more: knest logs ${machine.name} -u etcd`,
      cause: refused,
    });
  });

  it('tells what systemctl says where the journal cannot be had', async () => {
    await expect(
      withReason(fakeManager(), machine, 'etcd.service', () => Promise.reject(refused)),
    ).rejects.toMatchObject({
      message: `etcd.service of ${machine.name} did not start`,
      details: ['Job failed.'],
    });
  });

  it('leaves other errors as they are', async () => {
    const aborted = new Error('aborted');
    await expect(
      withReason(fakeManager(), machine, 'etcd.service', () => Promise.reject(aborted)),
    ).rejects.toBe(aborted);
  });
});
