import { describe, expect, it } from 'vitest';

import { InputError } from '../../src/errors.ts';
import { loadSpec, type SpecFlags } from '../../src/spec/load.ts';
import type { ClusterSpec } from '../../src/spec/types.ts';

const header = 'apiVersion: knest.dev/v1alpha1\nkind: Cluster\n';

function specOf(flags: SpecFlags, text = ''): ClusterSpec {
  return loadSpec({ flags, config: { text: `${header}${text}`, name: 'c.yaml' } }).spec;
}

/** The problems that loading finds, one line each; fails when it finds none. */
function problems(flags: SpecFlags, text?: string): string[] {
  try {
    specOf(flags, text);
  } catch (error) {
    if (error instanceof InputError) return error.problems.map(({ path, message }) => `${path}: ${message}`);
    throw error;
  }
  throw new Error('no problem was found');
}

describe('addresses by DHCP', () => {
  it('need no more than the LAN', () => {
    expect(specOf({ network: 'macvlan:eno1', dhcp: true }).network).toMatchObject({
      mode: { macvlan: 'eno1' },
      dhcp: true,
    });
  });

  it.each<[string, SpecFlags, string]>([
    ['without a LAN', { network: 'bridge' }, '--dhcp: needs --network macvlan:LINK'],
    ['beside a subnet', { nodeSubnet: '192.0.2.32/28' }, '--node-subnet: does not go with --dhcp'],
    ['beside a router', { gateway: '192.0.2.1' }, '--gateway: does not go with --dhcp'],
    ['of IPv6', { ipFamily: 'dual' }, '--ip-family: must be ipv4 with --dhcp'],
    ['of several control planes', { controlPlanes: '3' }, 'network.apiServer.address: is needed for 3'],
  ])('are refused %s', (_what, flags, expected) => {
    const found = problems({ network: 'macvlan:eno1', dhcp: true, ...flags });
    expect(found).toEqual([expect.stringContaining(expected)]);
  });

  it('have an address for the API where several control planes share it, and only there', () => {
    const api = 'apiServer: { address: 192.0.2.10 }';
    const text = `network: { mode: "macvlan:eno1", dhcp: true, ${api} }\n`;
    expect(specOf({ controlPlanes: '3' }, text).network.apiServer.address).toBe('192.0.2.10');
    expect(problems({}, `network: { ${api} }\n`)[0]).toContain('is for addresses by DHCP (network.dhcp)');
  });
});

describe('the network of the host', () => {
  it('is for one node, whatever its address', () => {
    expect(specOf({ network: 'host' }).network).toMatchObject({ mode: 'host', hostAddress: undefined });
    const text = 'network: { mode: host, hostAddress: 192.0.2.2 }\n';
    expect(specOf({}, text).network.hostAddress).toBe('192.0.2.2');
    expect(problems({}, 'network: { hostAddress: 192.0.2.2 }\n')[0]).toContain('is for network.mode host');
  });

  it.each<[SpecFlags, string]>([
    [{ nodes: '2' }, 'nodes: are 2, and only one'],
    [{ nodeSubnet: '192.0.2.0/24' }, '--node-subnet: the node has the address of the host'],
    [{ gateway: '192.0.2.1' }, '--gateway: the host has its routes'],
    [{ ipFamily: 'ipv6' }, '--ip-family: must be ipv4'],
    [{ proxyMode: 'ipvs' }, '--proxy-mode: cannot be ipvs'],
    [{ dhcp: true }, '--dhcp: needs --network macvlan:LINK'],
  ])('does not go with %j', (flags, expected) => {
    expect(problems({ network: 'host', ...flags })).toEqual([expect.stringContaining(expected)]);
  });

  it('has ports and network add-ons of nobody else', () => {
    const node = '{ role: control-plane, extraPortMappings: [{ containerPort: 80 }] }';
    const network = '{ mode: host, cni: none, apiServer: { port: 6444 } }';
    expect(problems({}, `network: ${network}\nnodes: [${node}]\n`).map((line) => line.split(':')[0])).toEqual(
      ['nodes[0].extraPortMappings', 'network.apiServer', 'network.cni'],
    );
  });
});

describe('addresses of Services by a flag', () => {
  it('are ranges, or none', () => {
    const addresses = (loadBalancer: string) => specOf({ loadBalancer }).network.loadBalancer.addresses;
    expect(addresses('off')).toEqual([]);
    expect(addresses('192.0.2.200-192.0.2.209, 192.0.2.250')).toEqual([
      '192.0.2.200-192.0.2.209',
      '192.0.2.250',
    ]);
    const text = 'network: { loadBalancer: { addresses: [192.0.2.1] } }\n';
    expect(specOf({ loadBalancer: 'off' }, text).network.loadBalancer.addresses).toEqual([]);
  });

  it.each(['none', '192.0.2.200-', ''])('are refused as %j', (loadBalancer) => {
    expect(problems({ loadBalancer })).toEqual([expect.stringMatching(/^--load-balancer: /)]);
  });
});

describe('lists that are too long', () => {
  it('are refused by their path, before they are gone through', () => {
    const numbers = Array.from({ length: 3001 }, (_, index) => index + 1);
    const ports = numbers.map((port) => `{ containerPort: ${port} }`).join();
    expect(problems({}, `nodes: [{ role: control-plane, extraPortMappings: [${ports}] }]\n`)).toEqual([
      'nodes[0].extraPortMappings: has more than 3000 entries',
    ]);
    const addresses = numbers.map((last) => `10.0.${last >> 8}.${last & 255}`).join();
    expect(problems({ loadBalancer: addresses })).toEqual(['--load-balancer: has more than 1000 entries']);
  });

  it('ranges that overlap are named, however many there are', () => {
    const ranges = Array.from({ length: 999 }, (_, index) => `10.0.${index >> 8}.${index & 255}`);
    const found = problems({ loadBalancer: [...ranges, '10.0.0.200-10.0.0.201'].join() });
    expect(found).toEqual(['--load-balancer: 10.0.0.200-10.0.0.201 overlaps 10.0.0.200']);
  });
});
