import { describe, expect, it } from 'vitest';

import { changingSysctls, planSysctls, sysctlKeys } from '../../src/plan/sysctls.ts';
import { hostFacts } from '../fixtures/host-facts.ts';

const changesWith = (sysctls: Record<string, string>) =>
  changingSysctls(planSysctls(hostFacts({ sysctls: { ...hostFacts().sysctls, ...sysctls } }))).map(
    ({ key, from, to }) => `${key} ${from} -> ${to}`,
  );

describe('planSysctls', () => {
  it('plans nothing where all is right, and has every key in the facts', () => {
    expect(changesWith({})).toEqual([]);
    expect(Object.keys(hostFacts().sysctls).sort()).toEqual([...sysctlKeys].sort());
  });

  it('sets exactly what kubelet compares, down as well as up', () => {
    expect(changesWith({ 'vm.overcommit_memory': '2', 'kernel.panic': '60' })).toEqual([
      'vm.overcommit_memory 2 -> 1',
      'kernel.panic 60 -> 10',
    ]);
  });

  it('raises limits and never lowers them', () => {
    const instances = 'fs.inotify.max_user_instances';
    expect(changesWith({ [instances]: '128' })).toEqual([`${instances} 128 -> 8192`]);
    expect(changesWith({ [instances]: '1000000' })).toEqual([]);
  });

  it('leaves alone what the kernel lacks', () => {
    expect(planSysctls(hostFacts({ sysctls: {} }))).toEqual([]);
  });

  it('gives a reason for each', () => {
    const all = Object.fromEntries(sysctlKeys.map((key) => [key, '3']));
    for (const { why } of planSysctls(hostFacts({ sysctls: all }))) expect(why).not.toBe('');
  });
});
