import { describe, expect, it } from 'vitest';

import {
  apiAddressOf,
  familiesOf,
  gatewayOf,
  nameserversFor,
  nodeAddress,
  nodesInNodeSubnet,
  nodesInPodSubnet,
  podSubnetOfNode,
} from '../../../src/plan/network/node-addresses.ts';

describe('a node subnet', () => {
  it.each([
    ['10.89.0.0/24', '10.89.0.1', '10.89.0.2', '10.89.0.254'],
    ['10.89.0.0/28', '10.89.0.1', '10.89.0.2', '10.89.0.14'],
    ['fd00:10:89::/64', 'fd00:10:89::1', 'fd00:10:89::2', 'fd00:10:89:0:ffff:ffff:ffff:ffff'],
  ])('%s has a bridge, nodes and the API', (subnet, gateway, first, api) => {
    expect(gatewayOf(subnet)).toBe(gateway);
    expect(nodeAddress(subnet, 0)).toBe(first);
    expect(apiAddressOf(subnet)).toBe(api);
  });

  it.each(['10.89.0.0/29', 'fd00:10:89::/125'])('%s has different addresses for as many as fit', (subnet) => {
    const nodes = Array.from({ length: nodesInNodeSubnet(subnet) }, (_, slot) => nodeAddress(subnet, slot));
    const all = [gatewayOf(subnet), apiAddressOf(subnet), ...nodes];
    expect(new Set(all).size).toBe(all.length);
    // one more would be the API's
    expect(nodeAddress(subnet, nodes.length)).toBe(apiAddressOf(subnet));
  });

  it('has room for none where it is too small', () => {
    expect(['10.89.0.0/30', '10.89.0.0/32', 'fd00::/127'].map(nodesInNodeSubnet)).toEqual([0, 0, 0]);
  });
});

describe('a pod subnet', () => {
  it('has a part for each node', () => {
    expect(podSubnetOfNode('10.244.0.0/16', 0)).toBe('10.244.0.0/24');
    expect(podSubnetOfNode('10.244.0.0/16', 255)).toBe('10.244.255.0/24');
    expect(podSubnetOfNode('fd00:10:244::/56', 255)).toBe('fd00:10:244:ff::/64');
    expect(() => podSubnetOfNode('10.244.0.0/16', 256)).toThrow('10.244.0.0/16');
    expect(['10.244.0.0/16', '10.244.0.0/24', '10.244.0.0/25', 'fd00::/56'].map(nodesInPodSubnet)).toEqual([
      256, 1, 0, 256,
    ]);
  });

  it.each([
    ['fd00:10:244::/60', 'fd00:10:244:1::/64', 16],
    ['fd00:10:244::/61', 'fd00:10:244:0:8::/77', 65536],
    ['fd00:10:244::/64', 'fd00:10:244:0:1::/80', 65536],
    ['fd00:10:16::/112', 'fd00:10:16::100/120', 256],
  ])('of IPv6 is cut finer when it is small: %s', (podSubnet, second, nodes) => {
    expect(podSubnetOfNode(podSubnet, 1)).toBe(second);
    expect(nodesInPodSubnet(podSubnet)).toBe(nodes);
  });
});

describe('families', () => {
  it('put IPv4 first', () => {
    expect(familiesOf('ipv4')).toEqual([4]);
    expect(familiesOf('ipv6')).toEqual([6]);
    expect(familiesOf('dual')).toEqual([4, 6]);
  });

  it('decide which name servers can be reached, and a resolver asks three', () => {
    const all = ['192.0.2.1', 'fd00::53', '192.0.2.2', '192.0.2.3', '192.0.2.4'];
    expect(nameserversFor('ipv4', all)).toEqual(['192.0.2.1', '192.0.2.2', '192.0.2.3']);
    expect(nameserversFor('ipv6', all)).toEqual(['fd00::53']);
    expect(nameserversFor('dual', all)).toEqual(['192.0.2.1', 'fd00::53', '192.0.2.2']);
  });
});
