import { describe, expect, it } from 'vitest';

import { memoryHost, type MemoryHostOptions } from '../../../src/host/memory.ts';
import { gatherFirewall, gatherNetwork } from '../../../src/observe/host/network.ts';
import { gatherListening } from '../../../src/observe/host/ports.ts';

describe('gatherNetwork', () => {
  it('lists addresses and routes of all tables, but neither default nor local ones', async () => {
    const host = memoryHost({
      files: { '/sys/class/net/eth0/brport/state': '3\n', '/sys/class/net/lo/phy80211/name': '' },
      answers: {
        'ip -j address show': {
          stdout: JSON.stringify([
            { ifname: 'lo', addr_info: [{ local: '127.0.0.1', prefixlen: 8 }] },
            {
              ifname: 'eth0',
              flags: ['BROADCAST', 'UP', 'LOWER_UP'],
              master: 'br0',
              addr_info: [
                { local: '192.0.2.2', prefixlen: 24 },
                { local: 'fd00::2', prefixlen: 64 },
              ],
            },
            {},
          ]),
        },
        'ip -j route show table all': {
          stdout: JSON.stringify([
            { dst: 'default', gateway: '192.0.2.1', dev: 'eth0', protocol: 'dhcp' },
            { dst: 'default', gateway: 'fe80::1', dev: 'eth1', protocol: 'ra' },
            { dst: '192.0.2.0/24', dev: 'eth0' },
            { dst: '100.64.0.0/10', dev: 'tailscale0', table: '52' },
            { dst: '203.0.113.9', dev: 'wg0' },
            { dst: '10.1.0.0/16', nexthops: [{ dev: 'eth0' }, { dev: 'eth1' }] },
            { type: 'blackhole', dst: '10.20.0.0/16' },
            { type: 'local', dst: '192.0.2.2', dev: 'eth0', table: 'local' },
            { type: 'multicast', dst: 'ff00::/8', dev: 'eth0', table: 'local' },
          ]),
        },
      },
    });
    expect(await gatherNetwork(host, { ip: '/sbin/ip' })).toEqual({
      links: ['lo', 'eth0'],
      linkStates: {
        lo: { up: false, wireless: true },
        eth0: { up: true, wireless: false, partOf: 'br0' },
      },
      addresses: ['127.0.0.1', '192.0.2.2', 'fd00::2'],
      defaultAddress: '192.0.2.2',
      routerLinks: ['eth1'],
      subnetsInUse: [
        { cidr: '127.0.0.0/8', usedBy: 'address of lo', link: 'lo' },
        { cidr: '192.0.2.0/24', usedBy: 'address of eth0', link: 'eth0' },
        { cidr: 'fd00::/64', usedBy: 'address of eth0', link: 'eth0' },
        { cidr: '100.64.0.0/10', usedBy: 'route via tailscale0', link: 'tailscale0' },
        { cidr: '203.0.113.9/32', usedBy: 'route via wg0', link: 'wg0' },
        { cidr: '10.1.0.0/16', usedBy: 'route via eth0', link: 'eth0' },
        { cidr: '10.20.0.0/16', usedBy: 'a route that leads nowhere', link: '' },
      ],
    });
  });
});

describe('gatherFirewall', () => {
  const chain = (family: string, table: string, name: string, more = {}) => ({
    chain: { family, table, name, ...more },
  });
  const found = (
    chains: unknown[],
    files: Record<string, string> = {},
    answers: MemoryHostOptions['answers'] = {},
  ) =>
    gatherFirewall(
      memoryHost({
        files,
        answers: { 'nft -j list chains': { stdout: JSON.stringify({ nftables: chains }) }, ...answers },
      }),
      { nft: '/usr/sbin/nft', iptables: '/usr/sbin/iptables', ip6tables: '/usr/sbin/ip6tables' },
      'systemd',
    );
  const drops = { hook: 'forward', policy: 'drop' };
  const none = { docker: false, firewalld: false, forwardDrop: false, foreignDrops: [] };

  it('sees none', async () => {
    expect(await found([{ metainfo: { version: '1.0.6' } }, chain('ip', 'nat', 'POSTROUTING')])).toEqual(
      none,
    );
  });

  it("sees Docker's chain and policy", async () => {
    const chains = [chain('ip', 'filter', 'FORWARD', drops), chain('ip', 'filter', 'DOCKER-USER')];
    expect(await found(chains)).toEqual({
      ...{ ...none, docker: true, forwardDrop: true },
      builtIn: ['ip filter FORWARD'],
    });
  });

  it('sees the same of ip6tables, apart', async () => {
    const chains = [chain('ip6', 'filter', 'FORWARD', drops), chain('ip6', 'filter', 'DOCKER-USER')];
    expect(await found(chains)).toEqual({
      ...{ ...none, ipv6: { docker: true, forwardDrop: true } },
      builtIn: ['ip6 filter FORWARD'],
    });
    const answers = {
      'ip6tables --wait 5 -S DOCKER-USER': { exitCode: 1 },
      'ip6tables --wait 5 -S FORWARD': { stdout: '-P FORWARD DROP\n' },
    };
    expect(await found([], { '/proc/net/ip6_tables_names': 'filter\n' }, answers)).toEqual({
      ...none,
      ipv6: { docker: false, forwardDrop: true },
    });
  });

  it("sees Docker's chain of iptables-legacy, which nft does not", async () => {
    const answers = {
      'iptables --wait 5 -S DOCKER-USER': { stdout: '-N DOCKER-USER\n' },
      'iptables --wait 5 -S FORWARD': { stdout: '-P FORWARD DROP\n-A FORWARD -j DOCKER-USER\n' },
    };
    expect(await found([], { '/proc/net/ip_tables_names': 'nat\nfilter\n' }, answers)).toEqual({
      ...none,
      docker: true,
      forwardDrop: true,
    });
  });

  it('sees firewalld by its table or by its unit', async () => {
    expect(await found([chain('inet', 'firewalld', 'filter_FORWARD', drops)])).toEqual({
      ...none,
      firewalld: true,
    });
    const unit = '/sys/fs/cgroup/system.slice/firewalld.service/cgroup.procs';
    expect(await found([], { [unit]: '' })).toEqual({ ...none, firewalld: true });
  });

  it("names an administrator's own chain", async () => {
    const chains = [
      chain('inet', 'filter', 'forward', drops),
      chain('inet', 'filter', 'input', { policy: 'drop' }),
    ];
    expect(await found(chains)).toEqual({ ...none, foreignDrops: ['inet filter forward'] });
  });

  it('sees that the host is a node of Kubernetes', async () => {
    const nat = { hook: 'output', policy: 'accept' };
    const chains = [
      ...[
        chain('ip', 'nat', 'OUTPUT', nat),
        chain('ip', 'nat', 'KUBE-SERVICES'),
        chain('ip', 'nat', 'CNI-DN-1'),
      ],
      ...[chain('ip6', 'kube-proxy', 'services'), chain('inet', 'mine', 'MY-KUBE-CHAIN')],
    ];
    expect(await found(chains)).toMatchObject({
      kubernetes: ['ip nat', 'ip6 kube-proxy'],
      builtIn: ['ip nat OUTPUT'],
    });
  });

  it('is not stopped by a missing right', async () => {
    expect(
      await found([], {}, { 'nft -j list chains': { exitCode: 1, stderr: 'Operation not permitted' } }),
    ).toEqual(none);
  });
});

describe('gatherListening', () => {
  const line = (local: string) => ` 0: ${local} 00000000:0000 0A 0 0 0 0\n`;
  const tcp = { '/proc/net/tcp': ` sl local remote st\n${line('0100007F:0016')}${line('0100007F:0016')}` };

  it('names each port once, and needs no file to be there', async () => {
    expect(await gatherListening(memoryHost({ files: tcp }), 'amd64')).toEqual([
      { protocol: 'tcp', address: '127.0.0.1', port: 22 },
    ]);
    expect(await gatherListening(memoryHost(), 'amd64')).toEqual([]);
  });

  it('knows how a big-endian host writes addresses', async () => {
    expect(await gatherListening(memoryHost({ files: tcp }), 's390x')).toEqual([
      { protocol: 'tcp', address: '1.0.0.127', port: 22 },
    ]);
  });
});
