import { describe, expect, it } from 'vitest';

import { bridgeName } from '../../../src/plan/network/bridge.ts';
import { planFirewall } from '../../../src/plan/network/firewall.ts';
import { planHairpin } from '../../../src/plan/network/hairpin.ts';
import { planNetworkSetup } from '../../../src/plan/network/host-setup.ts';
import type { NetworkSetupOptions } from '../../../src/plan/network/types.ts';
import type { PlannedPort } from '../../../src/plan/types.ts';

const port = (changes: Partial<PlannedPort> = {}): PlannedPort => ({
  ...{ protocol: 'tcp', listenAddress: undefined, hostPort: 8080, machinePort: 80 },
  ...changes,
});

const ipv4: NetworkSetupOptions = {
  cluster: 'dev-1',
  bridge: 'kn-dev-1',
  apiAddress: '10.89.0.254',
  apiPort: undefined,
  nodeSubnets: ['10.89.0.0/24'],
  podSubnets: ['10.244.0.0/16'],
  serviceSubnets: ['10.96.0.0/16'],
  machines: [
    {
      name: 'dev-1-control-plane',
      role: 'control-plane',
      addresses: [{ address: '10.89.0.2', prefixLength: 24, gateway: '10.89.0.1' }],
      podSubnets: ['10.244.0.0/24'],
      ports: [],
    },
  ],
};
const dual: NetworkSetupOptions = {
  ...ipv4,
  nodeSubnets: ['10.89.0.0/24', 'fd00:10:89::/64'],
  podSubnets: ['10.244.0.0/16', 'fd00:10:244::/56'],
  serviceSubnets: ['10.96.0.0/16', 'fd00:10:96::/112'],
  machines: ipv4.machines.map((machine) => ({
    ...machine,
    addresses: [
      ...machine.addresses,
      { address: 'fd00:10:89::2', prefixLength: 64, gateway: 'fd00:10:89::1' },
    ],
    podSubnets: [...machine.podSubnets, 'fd00:10:244::/64'],
  })),
};
const withPorts = (options: NetworkSetupOptions, ...ports: readonly PlannedPort[]): NetworkSetupOptions => ({
  ...options,
  machines: options.machines.map((machine) => ({ ...machine, ports })),
});
const programs = {
  nft: '/usr/sbin/nft',
  iptables: '/usr/sbin/iptables',
  ip6tables: '/usr/sbin/ip6tables',
  'firewall-cmd': '/usr/bin/firewall-cmd',
};
const firewall = { docker: false, firewalld: false };

/** Command lines, and what they read. */
const textOf = (options: NetworkSetupOptions, found: Parameters<typeof planNetworkSetup>[1]) =>
  planNetworkSetup(options, found)
    .setup.map(({ argv, input = '' }) => `${argv.join(' ')}\n${input}`)
    .join('');

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

describe('planNetworkSetup', () => {
  it('makes a bridge, its routes and a table of its own, and nothing else where no firewall is', () => {
    expect(planNetworkSetup(ipv4, { programs, firewall })).toMatchSnapshot();
  });

  it('does all of it for both families, ports included', () => {
    const options = {
      ...dual,
      apiPort: port({ listenAddress: '127.0.0.1', hostPort: 6443, machinePort: 6443 }),
    };
    const ports = [
      port(),
      port({ protocol: 'udp', listenAddress: 'fd00::2', hostPort: 53, machinePort: 53 }),
    ];
    expect(textOf(withPorts(options, ...ports), { programs, firewall })).toMatchSnapshot();
  });

  it('does the same by iptables where there is no nft', () => {
    const options = {
      ...dual,
      apiPort: port({ listenAddress: '127.0.0.1', hostPort: 6443, machinePort: 6443 }),
    };
    const { iptables, ip6tables } = programs;
    const found = { programs: { iptables, ip6tables }, firewall };
    expect(textOf(withPorts(options, port()), found)).toMatchSnapshot();
    expect(textOf(options, found)).not.toContain('nft');
  });

  it('writes the rules in one transaction that can be repeated', () => {
    const { setup } = planNetworkSetup(dual, { programs, firewall });
    const rules = setup.find(({ argv }) => argv[0] === 'nft')?.input ?? '';
    for (const table of ['ip knest_dev-1', 'ip6 knest_dev-1'])
      expect(rules).toContain(`table ${table}\ndelete table ${table}\ntable ${table} {\n`);
  });

  it('lets no route go before another one stands in for it', () => {
    const { setup } = planNetworkSetup(dual, { programs, firewall });
    for (const family of ['-4', '-6']) {
      const { input = '' } = setup.find(({ argv }) => argv.join(' ') === `ip ${family} -batch -`) ?? {};
      const lines = input.split('\n').filter((line) => line.startsWith('route'));
      const routes = lines.filter((line) => line.endsWith('proto 89') && line.includes('replace'));
      expect(routes).toHaveLength(2);
      expect(lines).toEqual([
        ...routes.map((route) => route.replace('proto 89', 'proto 88 metric 4096')),
        'route flush dev kn-dev-1 proto 89',
        ...routes,
        'route flush dev kn-dev-1 proto 88',
      ]);
    }
  });

  it('reaches services by the API address, and in the other family by a control plane', () => {
    const text = textOf(dual, { programs, firewall });
    expect(text).toContain('route replace 10.96.0.0/16 via 10.89.0.254 dev kn-dev-1 proto 89\n');
    expect(text).toContain('route replace fd00:10:96::/112 via fd00:10:89::2 dev kn-dev-1 proto 89\n');
  });

  it('switches IPv6 off on the bridge of a cluster without it, and listens to no router on others', () => {
    const conf = '/proc/sys/net/ipv6/conf/kn-dev-1';
    expect(textOf(ipv4, { programs, firewall })).toContain(`tee ${conf}/disable_ipv6\n1\n`);
    expect(textOf(dual, { programs, firewall })).toContain(
      `tee ${conf}/accept_ra ${conf}/accept_dad ${conf}/disable_ipv6\n0\n`,
    );
  });

  it.each([
    ['127.0.0.1', port({ listenAddress: '127.0.0.1' }), true],
    ['every address', port(), true],
    ['every IPv4 address', port({ listenAddress: '0.0.0.0' }), true],
    ['one address', port({ listenAddress: '192.0.2.2' }), false],
    ['every IPv6 address', port({ listenAddress: '::' }), false],
  ])('opens loopback for a port of %s after it is guarded, or not at all', (_, one, open) => {
    const { setup } = planNetworkSetup(withPorts(dual, one), { programs, firewall });
    const setting = setup.findIndex(({ argv }) => argv[1]?.endsWith('kn-dev-1/route_localnet'));
    const rules = setup.findIndex(({ argv }) => argv[0] === 'nft');
    expect(setup[setting]?.input).toBe(open ? '1\n' : '0\n');
    expect(setting > rules).toBe(open);
    expect(setup[rules]?.input?.includes('iifname "kn-dev-1" ip daddr 127.0.0.0/8 drop')).toBe(open);
  });

  it('has no IPv4 in a cluster without it', () => {
    const only = (list: readonly string[]) => list.slice(1);
    const ipv6: NetworkSetupOptions = {
      ...dual,
      apiAddress: 'fd00:10:89::ffff',
      nodeSubnets: only(dual.nodeSubnets),
      podSubnets: only(dual.podSubnets),
      serviceSubnets: only(dual.serviceSubnets),
      machines: dual.machines.map((one) => ({
        ...one,
        addresses: one.addresses.slice(1),
        podSubnets: only(one.podSubnets),
        ports: [port()],
      })),
    };
    const text = textOf(ipv6, { programs, firewall });
    expect(text).not.toMatch(/ipv4|table ip |10\.\d+\.|127\.0/);
    expect(text).toContain('tcp dport 8080 dnat to [fd00:10:89::2]:80');
  });

  it('loads IPVS where kube-proxy uses it', () => {
    const modprobe = (options: NetworkSetupOptions) =>
      planNetworkSetup(options, { programs, firewall }).setup.filter(({ argv }) => argv[0] === 'modprobe');
    expect(modprobe(ipv4)).toEqual([]);
    expect(modprobe({ ...ipv4, ipvs: true })).toMatchObject([{ argv: ['modprobe', 'ip_vs'] }]);
  });

  it('loads br_netfilter for pods on bridges, and leaves the bridges of the host alone', () => {
    const loading = (podBridge: boolean) =>
      planNetworkSetup({ ...ipv4, podBridge }, { programs, firewall }).setup.filter(({ argv }) =>
        argv.join(' ').includes('modprobe br_netfilter'),
      );
    expect(loading(false)).toEqual([]);
    const [command] = loading(true);
    expect(command).toMatchObject({
      unless: ['test', '-e', '/proc/sys/net/bridge/bridge-nf-call-iptables'],
      mayFail: true,
    });
    expect(command?.argv[2]).toMatch(/&& for name in .*; do echo 0 >/);
  });

  it('tears down in reverse, and never minds what is gone', () => {
    const found = { docker: true, forwardDrop: true };
    const { teardown } = planNetworkSetup(dual, {
      programs,
      firewall: { ...found, firewalld: true, ipv6: found },
    });
    expect(teardown.every(({ mayFail }) => mayFail)).toBe(true);
    expect(teardown.map(({ argv }) => argv[0])).toEqual([
      'iptables',
      'iptables',
      'ip6tables',
      'ip6tables',
      'firewall-cmd',
      'firewall-cmd',
      'sh',
      'nft',
      'nft',
      'ip',
    ]);
  });

  it('tears down by iptables whatever a plan of the cluster may ever have made', () => {
    const { iptables } = programs;
    const teardownOf = (options: NetworkSetupOptions) =>
      planNetworkSetup(options, { programs: { iptables }, firewall }).teardown.map(({ argv }) => argv);
    expect(teardownOf(ipv4)).toEqual(teardownOf(withPorts(ipv4, port())));
  });
});

describe('planFirewall', () => {
  const chainsOf = (options: NetworkSetupOptions, facts: Parameters<typeof planFirewall>[1]) =>
    planFirewall(options, facts).setup.map(({ argv }) => argv.join(' '));
  const accepts = (program: string, chain: string) =>
    ['-i', '-o'].map(
      (direction) =>
        expect.stringContaining(
          `${program} --wait 10 --table filter --insert ${chain} ${direction} kn-dev-1`,
        ) as string,
    );

  it.each([
    ['DOCKER-USER', { docker: true, forwardDrop: true }],
    ['FORWARD', { docker: false, forwardDrop: true }],
  ])('accepts the bridge in %s, of each family that the cluster has', (chain, found) => {
    const facts = { firewall: { ...found, firewalld: false, ipv6: found }, programs };
    expect(chainsOf(ipv4, facts)).toEqual(accepts('iptables', chain));
    expect(chainsOf(dual, facts)).toEqual([...accepts('iptables', chain), ...accepts('ip6tables', chain)]);
  });

  it('goes by what is found in each family', () => {
    const facts = { firewall: { docker: true, firewalld: false, forwardDrop: true }, programs };
    expect(chainsOf(dual, facts)).toEqual(accepts('iptables', 'DOCKER-USER'));
  });

  it('trusts the bridge in firewalld, also when that reads its files again', () => {
    expect(chainsOf(dual, { firewall: { docker: false, firewalld: true }, programs })).toEqual([
      'firewall-cmd --quiet --zone=trusted --change-interface=kn-dev-1',
      'firewall-cmd --quiet --permanent --zone=trusted --add-interface=kn-dev-1',
    ]);
  });

  it('plans nothing that the host has no program for', () => {
    expect(
      chainsOf(dual, { firewall: { docker: true, firewalld: true, forwardDrop: true }, programs: {} }),
    ).toEqual([]);
  });
});

describe('planHairpin', () => {
  const name = 'dev-1-control-plane';

  it('lets a machine with ports reach itself by them', () => {
    expect(planHairpin(name, withPorts(ipv4, port()))).toMatchObject([
      { argv: ['ip', 'link', 'set', 'dev', `vb-${name}`, 'type', 'bridge_slave', 'hairpin', 'on'] },
    ]);
    expect(planHairpin(name, { ...ipv4, apiPort: port() })).toHaveLength(1);
    expect(planHairpin(name, ipv4)).toEqual([]);
  });

  it('is not for control planes that hand over the API address', () => {
    const machines = [...ipv4.machines, ...ipv4.machines.map((one) => ({ ...one, name: `${one.name}2` }))];
    expect(planHairpin(name, { ...ipv4, machines, apiPort: port() })).toEqual([]);
  });
});
