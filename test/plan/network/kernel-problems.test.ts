import { describe, expect, it } from 'vitest';

import { kernelProblems } from '../../../src/plan/network/kernel-problems.ts';
import type { NetworkSpec } from '../../../src/spec/types.ts';
import { networkSpec } from '../../fixtures/cluster.ts';

const pathsOf = (changes: Partial<NetworkSpec>, facts = {}, versions = ['v1.36.2']) =>
  kernelProblems({ network: networkSpec(changes) }, { ipv6: true, ipvs: true, ...facts }, versions).map(
    ({ path }) => path,
  );

describe('kernelProblems', () => {
  it('has none where the kernel has all', () => {
    expect(pathsOf({ ipFamily: 'dual', proxyMode: 'ipvs' })).toEqual([]);
    expect(pathsOf({ proxyMode: 'nftables' }, {}, ['v1.31.0'])).toEqual([]);
    expect(pathsOf({ ipFamily: 'ipv4', proxyMode: 'iptables' }, { ipv6: false, ipvs: false })).toEqual([]);
  });

  it.each(['ipv6', 'dual'] as const)('refuses %s without IPv6', (ipFamily) => {
    expect(pathsOf({ ipFamily }, { ipv6: false })).toEqual(['network.ipFamily']);
  });

  it('refuses ipvs without IPVS, and tells everything at once', () => {
    expect(pathsOf({ ipFamily: 'ipv6', proxyMode: 'ipvs' }, { ipv6: false, ipvs: false })).toEqual([
      'network.ipFamily',
      'network.proxyMode',
    ]);
  });

  it('refuses nftables when a node is too old for it', () => {
    expect(pathsOf({ proxyMode: 'nftables' }, {}, ['v1.36.2', 'v1.30.9'])).toEqual(['network.proxyMode']);
    expect(pathsOf({ proxyMode: 'auto' }, {}, ['v1.20.2'])).toEqual([]);
  });
});
