import type { CgroupFacts } from '../../facts/types.ts';
import { capabilityNames } from '../../formats/capabilities.ts';
import type { Host } from '../../host/types.ts';
import { readSysctl } from '../../tools/sysctl.ts';
import { readQuietly } from './read.ts';

/** File systems that something in knest asks for; others are listed only if the kernel has them loaded. */
const loadable = ['overlay', 'squashfs', 'fuse'];

/** Go's and Debian's name by the kernel's: x86_64 -> amd64. */
const architectures: Readonly<Record<string, string>> = {
  x86_64: 'amd64',
  aarch64: 'arm64',
  ppc64le: 'ppc64le',
  s390x: 's390x',
  riscv64: 'riscv64',
};

export interface ProcessStatus {
  isRoot: boolean;
  capabilities: readonly string[];
  cpus: number;
}

/** Rights and processors of the processes that knest starts. */
export async function gatherProcessStatus(host: Host): Promise<ProcessStatus> {
  const status = (await host.readFile('/proc/self/status')) ?? '';
  const field = (name: string) => new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(status)?.[1] ?? '';
  return {
    isRoot: field('Uid').split(/\s+/)[1] === '0',
    capabilities: capabilityNames(field('CapBnd')),
    cpus: countList(field('Cpus_allowed_list')) || 1,
  };
}

/** The kernel's release and Go's name of its architecture. */
export async function gatherKernel(host: Host): Promise<{ kernel: string; arch: string }> {
  const [kernel = 'unknown', machine] = await Promise.all([
    readSysctl(host, 'kernel.osrelease'),
    // since Linux 6.1
    readSysctl(host, 'kernel.arch'),
  ]);
  const arch = machine ?? (await host.run(['uname', '-m'])).stdout.trim();
  return { kernel, arch: architectures[arch] ?? arch };
}

/** Hierarchies below /sys/fs/cgroup only: others, like those of chroots, belong to somebody else. */
export async function gatherCgroups(host: Host): Promise<CgroupFacts> {
  const mounts = ((await host.readFile('/proc/self/mountinfo')) ?? '').split('\n').flatMap((line) => {
    // proc_pid_mountinfo(5): 36 35 98:0 /root /mount/point options [optional fields] - type source options
    const [before = '', after = ''] = line.split(' - ');
    const path = before.split(' ')[4] ?? '';
    const type = after.split(' ')[0] ?? '';
    return /^\/sys\/fs\/cgroup(\/[^/]+)?$/.test(path) && /^cgroup2?$/.test(type) ? [{ path, type }] : [];
  });
  const hierarchies = [...new Set(mounts.map(({ path }) => path))];
  const hasV1 = mounts.some(({ type }) => type === 'cgroup');
  const hasV2 = mounts.some(({ type }) => type === 'cgroup2');
  return { version: hasV1 ? (hasV2 ? 'hybrid' : 'v1') : 'v2', hierarchies };
}

/** What the kernel has, and of those that knest may need what it can load. */
export async function gatherFileSystems(host: Host): Promise<string[]> {
  const [present = '', release = ''] = await Promise.all([
    host.readFile('/proc/filesystems'),
    readSysctl(host, 'kernel.osrelease'),
  ]);
  const names = present.split('\n').flatMap((line) => line.split('\t')[1] ?? []);
  const missing = loadable.filter((name) => !names.includes(name));
  if (missing.length === 0) return names;
  const modules = (await readQuietly(host, `/lib/modules/${release}/modules.dep`)) ?? '';
  return [...names, ...missing.filter((name) => modules.includes(`/${name}.ko`))];
}

/** IPv6 is there and not switched off; a kernel without it, or started with ipv6.disable=1, has no such setting. */
export async function gatherIpv6(host: Host): Promise<boolean> {
  return (await readQuietly(host, '/proc/sys/net/ipv6/conf/all/disable_ipv6'))?.trim() === '0';
}

/** IPVS is in use, built in, or a module of the running kernel. */
export function gatherIpvs(host: Host): Promise<boolean> {
  return hasModule(host, 'ip_vs', '/proc/net/ip_vs');
}

/** The same of br_netfilter. */
export function gatherBridgeNetfilter(host: Host): Promise<boolean> {
  return hasModule(host, 'br_netfilter', '/proc/sys/net/bridge/bridge-nf-call-iptables');
}

/** @param sign a file that is there while it is in use */
async function hasModule(host: Host, module: string, sign: string): Promise<boolean> {
  const [used, release = ''] = await Promise.all([
    readQuietly(host, sign),
    readSysctl(host, 'kernel.osrelease'),
  ]);
  if (used !== undefined) return true;
  const lists = await Promise.all(
    ['modules.builtin', 'modules.dep'].map((name) => readQuietly(host, `/lib/modules/${release}/${name}`)),
  );
  return lists.some((list) => list?.includes(`/${module}.ko`));
}

/** Values of those keys that the kernel has. */
export async function gatherSysctls(host: Host, keys: readonly string[]): Promise<Record<string, string>> {
  const pairs = await Promise.all(
    keys.map(async (key) => [key, await readSysctl(host, key).catch(() => undefined)] as const),
  );
  return Object.fromEntries(pairs.flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])));
}

export async function gatherMemoryBytes(host: Host): Promise<number> {
  const kibibytes = /^MemTotal:\s+(\d+) kB$/m.exec((await readQuietly(host, '/proc/meminfo')) ?? '')?.[1];
  return Number(kibibytes ?? 0) * 1024;
}

/** The clock by the kernel's own account: when it booted and how long ago that was. */
export async function gatherUnixTime(host: Host): Promise<number | undefined> {
  const [stat, uptime] = await Promise.all([
    readQuietly(host, '/proc/stat'),
    readQuietly(host, '/proc/uptime'),
  ]);
  const booted = /^btime (\d+)$/m.exec(stat ?? '')?.[1];
  const seconds = uptime?.split(' ')[0];
  return booted === undefined || seconds === undefined
    ? undefined
    : Math.floor(Number(booted) + Number(seconds));
}

export async function gatherSecurityModules(
  host: Host,
): Promise<('selinux-enforcing' | 'selinux-permissive' | 'apparmor')[]> {
  const [selinux, apparmor] = await Promise.all([
    readQuietly(host, '/sys/fs/selinux/enforce'),
    readQuietly(host, '/sys/module/apparmor/parameters/enabled'),
  ]);
  return [
    ...(selinux?.trim() === '1' ? (['selinux-enforcing'] as const) : []),
    ...(selinux?.trim() === '0' ? (['selinux-permissive'] as const) : []),
    ...(apparmor?.trim() === 'Y' ? (['apparmor'] as const) : []),
  ];
}

/** How many numbers are in a list like "0-3,8". */
function countList(list: string): number {
  return list
    .split(',')
    .filter((range) => range !== '')
    .reduce((count, range) => {
      const [first = 0, last = first] = range.split('-').map(Number);
      return count + last - first + 1;
    }, 0);
}
