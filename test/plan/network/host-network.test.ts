import { describe, expect, it } from 'vitest';

import { bridgeName } from '../../../src/plan/network/bridge.ts';
import { planFirewall } from '../../../src/plan/network/firewall.ts';
import { planHostNetwork } from '../../../src/plan/network/host-network.ts';

const options = {
  cluster: 'dev-1',
  bridge: 'kn-dev-1',
  gateway: '10.89.0.1',
  prefixLength: 24,
  nodeSubnet: '10.89.0.0/24',
  podSubnet: '10.244.0.0/16',
  serviceSubnet: '10.96.0.0/16',
  routes: [{ subnet: '10.244.0.0/24', via: '10.89.0.2' }],
};
const programs = {
  nft: '/usr/sbin/nft',
  iptables: '/usr/sbin/iptables',
  'firewall-cmd': '/usr/bin/firewall-cmd',
};
const firewall = { docker: false, firewalld: false };

describe('bridgeName', () => {
  it('tells the cluster where that fits into 15 characters', () => {
    expect(bridgeName('knest')).toBe('kn-knest');
    expect(bridgeName('twelve-chars')).toBe('kn-twelve-chars');
  });

  it('is short and different for long names', () => {
    const names = ['a-rather-long-name-1', 'a-rather-long-name-2'].map(bridgeName);
    expect(new Set(names).size).toBe(2);
    for (const name of names) expect(name).toMatch(/^kn-[0-9a-f]{12}$/);
  });
});

describe('planHostNetwork', () => {
  it('makes a bridge, its routes and a table of its own, and nothing else where no firewall is', () => {
    expect(planHostNetwork(options, { programs, firewall })).toMatchSnapshot();
  });

  it('writes the rules in one transaction that can be repeated', () => {
    const { setup } = planHostNetwork(options, { programs, firewall });
    const rules = setup.find(({ argv }) => argv[0] === 'nft')?.input ?? '';
    expect(rules.split('\n').slice(0, 3)).toEqual([
      'table ip knest_dev-1',
      'delete table ip knest_dev-1',
      'table ip knest_dev-1 {',
    ]);
  });

  it('tears down in reverse, and never minds what is gone', () => {
    const { teardown } = planHostNetwork(options, { programs, firewall: { docker: true, firewalld: true } });
    expect(teardown.every(({ mayFail }) => mayFail)).toBe(true);
    expect(teardown.map(({ argv }) => argv[0])).toEqual([
      'iptables',
      'iptables',
      'firewall-cmd',
      'nft',
      'ip',
    ]);
  });

  it('uses iptables only where there is no nft', () => {
    const { setup } = planHostNetwork(options, { programs: { iptables: '/usr/sbin/iptables' }, firewall });
    const rules = setup.filter(({ argv }) => argv[0] === 'iptables');
    expect(setup.some(({ argv }) => argv[0] === 'nft')).toBe(false);
    expect(rules.map(({ argv }) => argv.join(' '))).toEqual(
      ['10.89.0.0/24', '10.244.0.0/16'].map(
        (subnet) =>
          `iptables --wait 10 --table nat --insert POSTROUTING -s ${subnet} ! -o kn-dev-1 -m comment --comment knest dev-1 -j MASQUERADE`,
      ),
    );
    expect(rules[0]?.unless?.join(' ')).toContain('--check POSTROUTING -s 10.89.0.0/24 ! -o kn-dev-1');
  });
});

describe('planFirewall', () => {
  const chainsOf = (facts: Parameters<typeof planFirewall>[1]) =>
    planFirewall(options, facts).setup.map(({ argv }) => argv.join(' '));

  it.each([
    ['DOCKER-USER', { docker: true, firewalld: false, forwardDrop: true }],
    ['FORWARD', { docker: false, firewalld: false, forwardDrop: true }],
  ])('accepts the bridge in %s', (chain, found) => {
    expect(chainsOf({ firewall: found, programs })).toEqual([
      expect.stringContaining(`--table filter --insert ${chain} -i kn-dev-1`),
      expect.stringContaining(`--table filter --insert ${chain} -o kn-dev-1`),
    ]);
  });

  it('trusts the bridge in firewalld, at run time only', () => {
    expect(chainsOf({ firewall: { docker: false, firewalld: true }, programs })).toEqual([
      'firewall-cmd --quiet --zone=trusted --change-interface=kn-dev-1',
    ]);
  });

  it('plans nothing that the host has no program for', () => {
    expect(
      chainsOf({ firewall: { docker: true, firewalld: true, forwardDrop: true }, programs: {} }),
    ).toEqual([]);
  });
});
