import { describe, expect, it } from 'vitest';

import { checkHost, missingPackages } from '../../../src/observe/checks/check-host.ts';
import type { HostFacts, LinkState } from '../../../src/facts/types.ts';
import { hostFacts, programsWithout } from '../../fixtures/host-facts.ts';

const building = { building: true };
const check = (name: string, changes: Partial<HostFacts>) =>
  checkHost(hostFacts(changes), building).find((one) => one.name === name);
const without = (...capabilities: string[]) =>
  hostFacts().capabilities.filter((capability) => !capabilities.includes(capability));
const sysctls = (changes: Record<string, string>) => ({ sysctls: { ...hostFacts().sysctls, ...changes } });

describe('the LAN of the host', () => {
  const onLan = (state: LinkState) =>
    check('macvlan', { defaultAddress: '192.0.2.2', linkStates: { eth0: state } })?.sentence;

  it('can have nodes as its hosts, or not, which is no problem', () => {
    expect(onLan({ up: true, wireless: false })).toContain('--network macvlan:eth0');
    expect(onLan({ up: true, wireless: true })).toMatch(/cannot .* wireless/);
    expect(check('macvlan', { defaultAddress: undefined })).toBeUndefined();
  });
});

describe('checkHost', () => {
  it('finds nothing wrong with a host on which everything is fine', () => {
    const checks = checkHost(hostFacts(), building);
    expect(checks.filter(({ verdict }) => verdict !== 'ok')).toEqual([]);
    expect(missingPackages(checks)).toEqual([]);
    for (const { sentence } of checks) expect(sentence).toMatch(/^[A-Za-z0-9].*\.$/);
    expect(new Set(checks.map(({ name }) => name)).size).toBe(checks.length);
  });

  it.each<[string, Partial<HostFacts>, string]>([
    ['root', { isRoot: false }, 'sudo'],
    ['capabilities', { capabilities: without('CAP_SYS_ADMIN') }, 'privileged'],
    ['cgroups', { cgroup: { version: 'v2', hierarchies: [] } }, 'mount'],
    ['cgroups', { cgroup: { version: 'v1', hierarchies: ['/sys/fs/cgroup/cpu,cpuacct'] } }, 'mount'],
    ['overlay', { fileSystems: ['ext4'] }, 'modprobe overlay'],
    ['space-state', { freeBytes: { state: 2 ** 29, cache: 2 ** 40 } }, 'KNEST_STATE_DIR'],
    ['space-cache', { freeBytes: { state: 2 ** 40, cache: 2 ** 31 } }, 'KNEST_CACHE_DIR'],
    ['systemd-nspawn', { systemdVersion: 246 }, 'newer'],
    ['systemd-nspawn', { systemdVersion: undefined }, 'systemd-container'],
    ['ip', { programs: programsWithout('ip') }, 'iproute2'],
    ['nft', { programs: programsWithout('nft') }, 'nftables'],
    ['util-linux', { programs: programsWithout('unshare', 'mount') }, 'mount util-linux'],
    ['bootstrap', { programs: programsWithout('mmdebstrap') }, 'mmdebstrap'],
    ['debian-archive-keyring', { debianKeyring: undefined }, 'debian-archive-keyring'],
    ['links', { linkKinds: ['veth'] }, 'modprobe bridge'],
  ])('%s is a problem with %o', (name, changes, fix) => {
    expect(check(name, changes)).toMatchObject({
      verdict: 'problem',
      fix: expect.stringContaining(fix) as string,
    });
  });

  it.each<[string, Partial<HostFacts>]>([
    ['CAP_SYS_RESOURCE', { capabilities: without('CAP_SYS_RESOURCE') }],
    ['inotify', sysctls({ 'fs.inotify.max_user_instances': '128' })],
    ['nft', { programs: { ...programsWithout('nft'), iptables: '/usr/sbin/iptables' } }],
    ['name-servers', { nameservers: [] }],
    ['name-servers', { nameservers: ['fd00::53'] }],
    ['docker', { firewall: { docker: true, firewalld: false } }],
    ['firewalld', { firewall: { docker: false, firewalld: true } }],
    ['nftables', { firewall: { docker: false, firewalld: false, foreignDrops: ['inet filter forward'] } }],
    ['process-1', { systemdVersion: 249 }],
    [
      'network-manager',
      { pid1: 'init', programs: { ...hostFacts().programs, NetworkManager: '/usr/sbin/NetworkManager' } },
    ],
    ['selinux', { securityModules: ['selinux-enforcing'] }],
    ['clock', { unixTime: 0 }],
    ['space-state', { freeBytes: { state: 2 ** 31, cache: 2 ** 40 } }],
  ])('%s is a warning with %o', (name, changes) => {
    const found = check(name, changes);
    expect(found?.verdict).toBe('warning');
    expect(found?.fix).toBeDefined();
  });

  it('says what knest will do about settings and firewalls', () => {
    expect(check('kernel-settings', sysctls({ 'kernel.panic': '0' }))).toMatchObject({
      verdict: 'ok',
      sentence: expect.stringContaining('kernel.panic from 0 to 10') as string,
    });
    const programs = { ...hostFacts().programs, iptables: '/usr/sbin/iptables' };
    expect(check('docker', { programs, firewall: { docker: true, firewalld: false } })).toMatchObject({
      verdict: 'ok',
      sentence: expect.stringContaining('DOCKER-USER') as string,
    });
  });

  it('says what clusters may have', () => {
    const both = { ipv6: true, ipvs: true };
    expect([check('ipv6', both)?.sentence, check('ipvs', both)?.sentence].join()).not.toContain(' no ');
    expect(check('ipv6', { ipv6: false })).toMatchObject({
      verdict: 'ok',
      sentence: expect.stringContaining('IPv4 only') as string,
    });
    expect(check('ipvs', { ipvs: false })).toMatchObject({
      verdict: 'ok',
      sentence: expect.stringContaining('no IPVS') as string,
    });
  });

  it('warns where Services and policies do not hold between pods of one node', () => {
    expect(check('br-netfilter', {})?.verdict).toBe('ok');
    expect(check('br-netfilter', { bridgeNetfilter: false })).toMatchObject({
      verdict: 'warning',
      sentence: expect.stringContaining('network policies do not hold') as string,
    });
  });

  it('looks at the rules of ip6tables as well', () => {
    const firewall = { docker: false, firewalld: false, ipv6: { docker: true, forwardDrop: true } };
    expect(check('docker-ipv6', { firewall })?.verdict).toBe('warning');
    const programs = { ...hostFacts().programs, ip6tables: '/usr/sbin/ip6tables' };
    expect(check('docker-ipv6', { firewall, programs })?.verdict).toBe('ok');
  });

  it('accepts cgroup v1 with controllers that share a hierarchy', () => {
    const hierarchies = ['cpu,cpuacct', 'cpuset', 'memory', 'pids', 'devices', 'systemd'];
    const cgroup = {
      version: 'v1',
      hierarchies: hierarchies.map((name) => `/sys/fs/cgroup/${name}`),
    } as const;
    expect(check('cgroups', { cgroup })?.verdict).toBe('ok');
  });

  it('asks for builders only when something must be built', () => {
    const facts = hostFacts({ programs: programsWithout('mmdebstrap'), debianKeyring: undefined });
    expect(checkHost(facts, { building: false }).every(({ verdict }) => verdict === 'ok')).toBe(true);
  });
});

describe('missingPackages', () => {
  const bare = hostFacts({ programs: {}, systemdVersion: undefined, debianKeyring: undefined });
  const packagesBy = (manager: string) =>
    missingPackages(checkHost({ ...bare, programs: { [manager]: `/usr/bin/${manager}` } }, building));

  it.each([
    ['apt-get', 'debian-archive-keyring iproute2 mmdebstrap mount nftables systemd-container util-linux'],
    ['dnf', 'debian-keyring debootstrap iproute nftables systemd-container util-linux'],
    ['zypper', 'debootstrap iproute2 nftables systemd-container util-linux'],
    ['pacman', 'debian-archive-keyring debootstrap iproute2 nftables systemd util-linux'],
  ])('speaks the language of %s', (manager, packages) => {
    expect(packagesBy(manager).join(' ')).toBe(packages);
  });

  it('has no names where it knows no package manager, but still a fix', () => {
    const checks = checkHost(bare, building);
    expect(missingPackages(checks)).toEqual([]);
    expect(checks.filter(({ verdict }) => verdict === 'problem').every(({ fix }) => fix !== undefined)).toBe(
      true,
    );
  });

  it('installs nothing for a warning', () => {
    const programs = { ...programsWithout('nft'), iptables: '/usr/sbin/iptables' };
    expect(missingPackages(checkHost(hostFacts({ programs }), building))).toEqual([]);
  });

  it('tells of proxies in the environment, and of those that nodes cannot reach', () => {
    expect(check('proxy', {})).toBeUndefined();
    const proxyEnvironment = { https_proxy: 'http://proxy.example:3128', no_proxy: 'localhost' };
    expect(check('proxy', { proxyEnvironment })).toMatchObject({ verdict: 'ok' });
    expect(check('proxy', { proxyEnvironment: { https_proxy: 'http://localhost:3128' } })).toMatchObject({
      verdict: 'warning',
    });
  });
});
