import { describe, expect, it } from 'vitest';

import { changingSysctls, planSysctls, routerLinkSetting, sysctlKeys } from '../../src/plan/sysctls.ts';
import type { IpFamily } from '../../src/spec/types.ts';
import { hostFacts } from '../fixtures/host-facts.ts';

const changesWith = (
  sysctls: Record<string, string>,
  ipFamily: IpFamily = 'ipv4',
  routerLinks: readonly string[] = [],
) =>
  changingSysctls(
    planSysctls(hostFacts({ sysctls: { ...hostFacts().sysctls, ...sysctls }, routerLinks }), {
      ipFamily,
      mode: 'bridge',
    }),
  ).map(({ key, from, to }) => `${key} ${from} -> ${to}`);

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
    expect(planSysctls(hostFacts({ sysctls: {} }), { ipFamily: 'dual', mode: 'bridge' })).toEqual([]);
  });

  it('gives a reason for each', () => {
    const all = Object.fromEntries(sysctlKeys.map((key) => [key, '3']));
    for (const { why } of planSysctls(hostFacts({ sysctls: all }), { ipFamily: 'dual', mode: 'bridge' }))
      expect(why).not.toBe('');
  });

  describe('of IPv6', () => {
    const forwarding = 'net.ipv6.conf.all.forwarding 0 -> 1';
    const accept = routerLinkSetting('eth0');

    it.each(['ipv6', 'dual'] as const)('forwards for %s clusters', (ipFamily) => {
      expect(changesWith({}, ipFamily)).toEqual([forwarding]);
    });

    it('keeps what a router told the host, before it forwards', () => {
      expect(changesWith({ [accept]: '1' }, 'dual', ['eth0'])).toEqual([`${accept} 1 -> 2`, forwarding]);
      expect(changesWith({ [accept]: '1' }, 'ipv4', ['eth0'])).toEqual([]);
    });

    it('leaves alone links on which the kernel does not listen, or does anyway', () => {
      expect(changesWith({ [accept]: '0' }, 'dual', ['eth0'])).toEqual([forwarding]);
      expect(changesWith({ [accept]: '2' }, 'dual', ['eth0'])).toEqual([forwarding]);
    });

    it('still has in the plan what an earlier plan has set', () => {
      const facts = hostFacts({ sysctls: { [accept]: '2' }, routerLinks: ['eth0'] });
      expect(planSysctls(facts, { ipFamily: 'dual', mode: 'bridge' })).toMatchObject([
        { key: accept, from: '2', to: '2' },
      ]);
    });

    it('knows links with dots in their names', () => {
      expect(routerLinkSetting('eth0.5')).toBe('net/ipv6/conf/eth0.5/accept_ra');
    });
  });
});
