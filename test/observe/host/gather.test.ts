import { describe, expect, it } from 'vitest';

import { CommandError } from '../../../src/errors.ts';
import type { Unanswered } from '../../../src/facts/types.ts';
import { memoryHost, type MemoryHostOptions } from '../../../src/host/memory.ts';
import { checkHost } from '../../../src/observe/checks/check-host.ts';
import { gatherAptFacts, gatherFacts } from '../../../src/observe/host/gather.ts';
import {
  gatherBridgeNetfilter,
  gatherCgroups,
  gatherFileSystems,
  gatherIpv6,
  gatherIpvs,
  gatherKernel,
} from '../../../src/observe/host/kernel.ts';
import { gatherResolver } from '../../../src/observe/host/resolver.ts';

const paths = { state: '/var/lib/knest', cache: '/mnt/big/knest' };

/** What a Debian 13 server says. */
const server: MemoryHostOptions = {
  files: {
    '/proc/self/status': 'Uid:\t1000\t0\t0\t0\nCapBnd:\t000001fffeffffff\nCpus_allowed_list:\t0-3,8\n',
    '/proc/sys/kernel/osrelease': '6.12.43+deb13-amd64\n',
    '/proc/sys/kernel/arch': 'x86_64\n',
    '/proc/sys/kernel/hostname': 'server1\n',
    '/proc/sys/kernel/panic': '0\n',
    '/proc/sys/net/ipv6/conf/all/disable_ipv6': '0\n',
    '/proc/sys/net/ipv6/conf/eth0/accept_ra': '1\n',
    '/proc/net/tcp': ' sl local remote st\n 0: 00000000:0016 00000000:0000 0A 0 0 0\n',
    '/proc/net/tcp6':
      ' sl local remote st\n 0: 00000000000000000000000000000000:0016 00000000000000000000000000000000:0000 0A 0 0 0\n',
    '/etc/machine-id': '0123456789abcdef0123456789abcdef\n',
    '/proc/meminfo': 'MemTotal:        8000000 kB\nMemFree: 1 kB\n',
    '/proc/1/comm': 'systemd\n',
    '/proc/self/mountinfo':
      '30 24 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n',
    '/proc/filesystems': 'nodev\tsysfs\n\text4\n',
    '/lib/modules/6.12.43+deb13-amd64/modules.dep': 'kernel/fs/overlayfs/overlay.ko.xz:\n',
    '/proc/stat': 'cpu 1 2\nbtime 1795000000\n',
    '/proc/uptime': '100.50 20.00\n',
    '/etc/resolv.conf': 'nameserver 192.0.2.53\nsearch example.org\n',
    '/sys/module/apparmor/parameters/enabled': 'Y\n',
    '/usr/share/keyrings/debian-archive-keyring.pgp': '',
    '/usr/bin/systemd-nspawn': '',
    '/usr/sbin/ip': '',
    '/sbin/ip': '',
    '/usr/sbin/nft': '',
    '/var/lib/dpkg/status': '',
  },
  answers: {
    'find /dev': { stdout: '/dev/null\n/dev/kvm\n/dev/dri/card0\n' },
    'ip -j address': { stdout: '[]' },
    'ip -j route': {
      stdout: '[{"dst": "default", "gateway": "fe80::1", "dev": "eth0", "protocol": "ra"}]',
    },
    'nft -j list chains': { stdout: '{"nftables": [{"metainfo": {"version": "1.1.3"}}]}' },
    'systemd-nspawn --version': { stdout: 'systemd 257 (257.7-1)\n+PAM\n' },
    'stat --file-system --format %f %S': { stdout: '1000 4096\n10 512\n' },
  },
};

describe('what a program does not answer', () => {
  const late = (...programs: string[]) =>
    memoryHost({
      ...server,
      failOn: ({ method, subject }) =>
        method === 'run' && programs.some((program) => subject.startsWith(program))
          ? new CommandError('server1', subject.split(' '), { reason: 'timeout', timeout: 60_000 }, '')
          : undefined,
    });

  it('ends the gathering for who needs all of it', async () => {
    await expect(gatherFacts(late('nft'), paths)).rejects.toMatchObject({ code: 'COMMAND_TIMEOUT' });
  });

  it('is told one by one to who wants the rest', async () => {
    const unanswered: Unanswered[] = [];
    const host = late('nft', 'ip', 'systemd-nspawn', 'stat');
    const facts = await gatherFacts(host, paths, {}, { onUnanswered: (one) => unanswered.push(one) });
    expect(facts).toMatchObject({ hostname: 'server1', isRoot: true });
    expect(unanswered.map(({ question }) => question).sort()).toEqual([
      ...['firewall', 'network', 'space', 'systemd-nspawn'],
    ]);
    expect(unanswered.find(({ question }) => question === 'firewall')?.reason).toBe(
      'nft did not end within 60 s on server1: nft -j list chains',
    );
    const checks = checkHost(facts, { building: true }, unanswered);
    expect(checks.filter(({ name }) => name.startsWith('unknown-'))).toHaveLength(4);
    // nothing is said of what is not known
    const judged = ['systemd-nspawn', 'space-state', 'space-cache', 'firewall', 'kernel-settings'];
    expect(checks.filter(({ name }) => judged.includes(name))).toEqual([]);
    expect(checks.find(({ name }) => name === 'unknown-firewall')).toMatchObject({
      verdict: 'warning',
      sentence:
        'Whether a firewall drops what machines send is not known: nft did not end within 60 s on server1: nft -j list chains.',
    });
  });
});

describe('gatherFacts', () => {
  it('describes a server', async () => {
    const host = memoryHost(server);
    const facts = await gatherFacts(host, paths, {
      HTTP_PROXY: 'http://proxy:3128',
      https_proxy: '',
      LANG: 'C',
    });
    expect(facts).toMatchObject({
      hostname: 'server1',
      machineId: '0123456789abcdef0123456789abcdef',
      arch: 'amd64',
      kernel: '6.12.43+deb13-amd64',
      cpus: 5,
      memoryBytes: 8_192_000_000,
      isRoot: true,
      pid1: 'systemd',
      systemdVersion: 257,
      cgroup: { version: 'v2', hierarchies: ['/sys/fs/cgroup'] },
      fileSystems: ['sysfs', 'ext4', 'overlay'],
      programs: { 'systemd-nspawn': '/usr/bin/systemd-nspawn', ip: '/usr/sbin/ip', nft: '/usr/sbin/nft' },
      apt: undefined,
      proxyEnvironment: { http_proxy: 'http://proxy:3128' },
      sysctls: { 'kernel.panic': '0', 'net.ipv6.conf.eth0.accept_ra': '1' },
      listening: [
        { protocol: 'tcp', address: '0.0.0.0', port: 22 },
        { protocol: 'tcp', address: '::', port: 22 },
      ],
      ipv6: true,
      ipvs: false,
      bridgeNetfilter: false,
      routerLinks: ['eth0'],
      nameservers: ['192.0.2.53'],
      searchDomains: ['example.org'],
      freeBytes: { state: 4_096_000, cache: 5120 },
      unixTime: 1_795_000_100,
      securityModules: ['apparmor'],
      debianKeyring: '/usr/share/keyrings/debian-archive-keyring.pgp',
      devices: ['/dev/dri/card0', '/dev/kvm', '/dev/null'],
      kernelModules: true,
    });
    expect(facts.capabilities).toContain('CAP_SYS_ADMIN');
    expect(facts.capabilities).not.toContain('CAP_SYS_RESOURCE');
    expect(host.commands.find(([program]) => program === 'stat')?.slice(-2)).toEqual(['/var/lib', '/']);
  });

  it('describes a host that lacks everything', async () => {
    const host = memoryHost({
      files: { '/sys/class/net/lo': '' },
      answers: { find: {}, 'uname -m': { stdout: 'aarch64\n' }, stat: { stdout: '1 1\n1 1\n' } },
    });
    expect(await gatherFacts(host, paths)).toMatchObject({
      arch: 'arm64',
      isRoot: false,
      systemdVersion: undefined,
      capabilities: [],
      programs: {},
      links: ['lo'],
      addresses: [],
      subnetsInUse: [],
      listening: [],
      ipv6: false,
      ipvs: false,
      bridgeNetfilter: false,
      cgroup: { hierarchies: [] },
    });
  });
});

describe('gatherCgroups', () => {
  const mounted = (...mounts: [string, string][]) =>
    gatherCgroups(
      memoryHost({
        files: {
          '/proc/self/mountinfo': mounts
            .map(([path, type]) => `31 23 0:28 / ${path} rw,relatime shared:9 - ${type} cgroup rw\n`)
            .join(''),
        },
      }),
    );

  it('tells v1 from hybrid from v2', async () => {
    expect(await mounted(['/sys/fs/cgroup', 'cgroup2'])).toEqual({
      version: 'v2',
      hierarchies: ['/sys/fs/cgroup'],
    });
    expect(await mounted(['/sys/fs/cgroup', 'tmpfs'], ['/sys/fs/cgroup/cpu,cpuacct', 'cgroup'])).toEqual({
      version: 'v1',
      hierarchies: ['/sys/fs/cgroup/cpu,cpuacct'],
    });
    expect(await mounted(['/sys/fs/cgroup/cpu', 'cgroup'], ['/sys/fs/cgroup/unified', 'cgroup2'])).toEqual({
      version: 'hybrid',
      hierarchies: ['/sys/fs/cgroup/cpu', '/sys/fs/cgroup/unified'],
    });
  });

  it("leaves other people's mounts alone, and counts none twice", async () => {
    const { hierarchies } = await mounted(
      ['/sys/fs/cgroup/cpu', 'cgroup'],
      ['/sys/fs/cgroup/cpu', 'cgroup'],
      ['/srv/chroot/sys/fs/cgroup/memory', 'cgroup'],
      ['/run/cgroup2', 'cgroup2'],
    );
    expect(hierarchies).toEqual(['/sys/fs/cgroup/cpu']);
  });
});

describe('the kernel', () => {
  it('is asked by uname before Linux 6.1', async () => {
    const host = memoryHost({
      files: { '/proc/sys/kernel/osrelease': '5.10.0\n' },
      answers: { 'uname -m': { stdout: 'x86_64\n' } },
    });
    expect(await gatherKernel(host)).toEqual({ kernel: '5.10.0', arch: 'amd64' });
  });

  it('is not said to have what it can not load', async () => {
    const host = memoryHost({
      files: { '/proc/filesystems': '\text4\n', '/proc/sys/kernel/osrelease': '6.1' },
    });
    expect(await gatherFileSystems(host)).toEqual(['ext4']);
  });
});

describe('IPv6 and IPVS', () => {
  const release = { '/proc/sys/kernel/osrelease': '6.12.0\n' };

  it.each<[string, Record<string, string>, boolean]>([
    ['on', { '/proc/sys/net/ipv6/conf/all/disable_ipv6': '0\n' }, true],
    ['switched off', { '/proc/sys/net/ipv6/conf/all/disable_ipv6': '1\n' }, false],
    ['not there', {}, false],
  ])('IPv6 is %s', async (_, files, expected) => {
    expect(await gatherIpv6(memoryHost({ files }))).toBe(expected);
  });

  it.each<[string, Record<string, string>, boolean]>([
    ['in use', { '/proc/net/ip_vs': 'IP Virtual Server version 1.2.1 (size=4096)\n' }, true],
    ['built in', { '/lib/modules/6.12.0/modules.builtin': 'kernel/net/netfilter/ipvs/ip_vs.ko\n' }, true],
    [
      'a module',
      { '/lib/modules/6.12.0/modules.dep': 'kernel/net/netfilter/ipvs/ip_vs.ko.xz: a.ko\n' },
      true,
    ],
    [
      "another kernel's",
      { '/lib/modules/6.1.0/modules.dep': 'kernel/net/netfilter/ipvs/ip_vs.ko:\n' },
      false,
    ],
    ['not there', { '/lib/modules/6.12.0/modules.dep': 'kernel/fs/overlayfs/overlay.ko:\n' }, false],
  ])('IPVS is %s', async (_, files, expected) => {
    expect(await gatherIpvs(memoryHost({ files: { ...release, ...files } }))).toBe(expected);
  });

  it.each<[string, Record<string, string>, boolean]>([
    ['in use', { '/proc/sys/net/bridge/bridge-nf-call-iptables': '0\n' }, true],
    ['a module', { '/lib/modules/6.12.0/modules.dep': 'kernel/net/bridge/br_netfilter.ko.xz: b.ko\n' }, true],
    ['not there', { '/lib/modules/6.12.0/modules.dep': 'kernel/net/bridge/bridge.ko.xz: stp.ko\n' }, false],
  ])('br_netfilter is %s', async (_, files, expected) => {
    expect(await gatherBridgeNetfilter(memoryHost({ files: { ...release, ...files } }))).toBe(expected);
  });
});

describe('gatherResolver', () => {
  const stub = 'nameserver 127.0.0.53\noptions edns0\nsearch home.arpa\n';

  it.each<[string, Record<string, string>, string[], string[]]>([
    ['plain', { '/etc/resolv.conf': '# x\nnameserver 192.0.2.1\nnameserver ::1\n' }, ['192.0.2.1'], []],
    [
      'systemd-resolved',
      {
        '/etc/resolv.conf': stub,
        '/run/systemd/resolve/resolv.conf': 'nameserver 192.0.2.9\nsearch other\n',
      },
      ['192.0.2.9'],
      ['home.arpa'],
    ],
    [
      'NetworkManager with dnsmasq',
      {
        '/etc/resolv.conf': 'nameserver 127.0.0.1',
        '/run/NetworkManager/no-stub-resolv.conf': 'nameserver 192.0.2.8',
      },
      ['192.0.2.8'],
      [],
    ],
    [
      'both families',
      { '/etc/resolv.conf': 'nameserver fd00::53\nnameserver fe80::1%eth0\nnameserver 192.0.2.1\n' },
      ['fd00::53', '192.0.2.1'],
      [],
    ],
    ['only loopback', { '/etc/resolv.conf': `${stub}nameserver 0.0.0.0\n` }, [], ['home.arpa']],
    ['none', {}, [], []],
  ])('%s', async (_, files, nameservers, searchDomains) => {
    expect(await gatherResolver(memoryHost({ files }))).toEqual({ nameservers, searchDomains });
  });
});

describe('gatherAptFacts', () => {
  const targets = (...lines: string[][]) => lines.map((line) => `${line.join('\t')}\n`).join('');
  const apt = (stdout: string, files: Record<string, string> = {}, proxy = '') =>
    gatherAptFacts(
      memoryHost({
        files: { '/usr/bin/apt-get': '', ...files },
        answers: { 'apt-get indextargets': { stdout }, 'apt-config shell': { stdout: proxy } },
      }),
    );

  it("finds Debian's mirrors among others", async () => {
    const stdout = targets(
      ['https://download.example.com/linux/debian/', 'trixie', 'stable', 'Docker', 'Docker CE'],
      ['http://mirror.example.org/debian/', 'trixie', 'main', 'Debian', 'Debian'],
      ['http://mirror.example.org/debian-security/', 'trixie-security', 'main', 'Debian', 'Debian-Security'],
    );
    expect(await apt(stdout, {}, "PROXY='http://proxy:3142/'\n")).toEqual({
      mirror: 'http://mirror.example.org/debian',
      securityMirror: 'http://mirror.example.org/debian-security',
      proxy: 'http://proxy:3142/',
    });
  });

  it('goes by the name where the lists were never read', async () => {
    const unknown = ['$(ORIGIN)', '$(LABEL)'];
    const stdout = targets(
      ['https://download.example.com/linux/debian/', 'trixie', 'stable', ...unknown],
      ['http://mirror.example.org/debian/', 'trixie', 'main', ...unknown],
      ['http://mirror.example.org/debian-security/', 'trixie-security', 'main', ...unknown],
    );
    expect(await apt(stdout)).toMatchObject({
      mirror: 'http://mirror.example.org/debian',
      securityMirror: 'http://mirror.example.org/debian-security',
    });
  });

  it('reads the mirror lists of cloud images', async () => {
    const stdout = targets([
      'mirror+file:/etc/apt/mirrors/debian.list/',
      'trixie',
      'main',
      'Debian',
      'Debian',
    ]);
    const list = {
      '/etc/apt/mirrors/debian.list': '# first\nhttps://mirror.example.org/debian priority:1\n',
    };
    expect(await apt(stdout, list)).toMatchObject({ mirror: 'https://mirror.example.org/debian' });
  });

  it("has no Debian mirror on Debian's derivatives, nor one that only this host can read", async () => {
    const stdout = targets(
      ['http://archive.example.org/ubuntu/', 'noble', 'main', 'Ubuntu', 'Ubuntu'],
      ['file:/srv/debian/', 'trixie', 'main', 'Debian', 'Debian'],
    );
    expect(await apt(stdout)).toEqual({ mirror: undefined, securityMirror: undefined, proxy: undefined });
  });

  it('is nothing where there is no apt', async () => {
    expect(await gatherAptFacts(memoryHost())).toBeUndefined();
  });
});
