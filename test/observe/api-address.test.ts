import { describe, expect, it } from 'vitest';

import { holdsAddress } from '../../src/observe/api-address.ts';
import type { MachinePlan } from '../../src/plan/types.ts';
import { fakeManager } from '../fixtures/machine-manager.ts';

const machine = { name: 'cp' } as MachinePlan;

describe('holdsAddress', () => {
  it.each([
    ['[{},{"ifname":"host0","addr_info":[{"local":"10.89.0.250","prefixlen":32}]}]', true],
    ['[{},{}]', false],
    ['', false],
  ])('%s: %s', async (stdout, expected) => {
    const manager = fakeManager({ 'ip -j address show': stdout });
    expect(await holdsAddress(manager, machine, '10.89.0.250')).toBe(expected);
    expect(manager.commands).toEqual(['ip -j address show to 10.89.0.250']);
  });
});
