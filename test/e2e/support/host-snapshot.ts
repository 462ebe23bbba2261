/** Everything on a host that a cluster may change, comparable line by line. */

import { lstat, readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';

import { sysctlKeys } from '../../../src/plan/sysctls.ts';
import { run } from './cli.ts';
import { eventually } from './eventually.ts';

/** Lines by topic; each line is one thing that is there. */
export type HostSnapshot = Readonly<Record<string, readonly string[]>>;

/** @param folders besides those of the system: the state folder of the scenario */
export async function hostSnapshot(folders: readonly string[] = []): Promise<HostSnapshot> {
  const topics = {
    links: links(),
    addresses: addresses(),
    routes: routes(),
    nftables: lines(['nft', '-s', 'list', 'ruleset']),
    iptables: iptablesRules(),
    mounts: mounts(),
    cgroups: cgroups(),
    processes: processes(),
    sysctls: sysctls(),
    files: files(folders),
  };
  const entries = Object.entries(topics).map(async ([topic, what]) => [topic, await what] as const);
  return Object.fromEntries(await Promise.all(entries));
}

/**
 * Fails with the list of what has come and what has gone. The kernel takes network devices of a dead namespace away
 * in the background: it is given a moment.
 */
export async function expectSameHost(before: HostSnapshot, folders: readonly string[] = []): Promise<void> {
  const compare = async () => {
    const difference = differences(before, await hostSnapshot(folders));
    if (difference.length > 0) throw new Error(`the host is not as it was:\n${difference.join('\n')}`);
  };
  await eventually('the host is as before', compare, 2_000);
}

/**
 * For a host on which others run clusters at the same time: a regular expression for lines that tell nothing then,
 * like "^(sysctls|processes):|/run/knest". Only a run without it proves everything.
 */
const ignored = process.env['KNEST_E2E_IGNORE'];

/** "+ links: kn-demo" for what is new, "- ..." for what is gone. */
function differences(before: HostSnapshot, after: HostSnapshot): string[] {
  const told = (line: string) => ignored === undefined || !new RegExp(ignored).test(line);
  return Object.keys(before).flatMap((topic) => {
    const [old = [], fresh = []] = [before, after].map((each) =>
      (each[topic] ?? []).map((line) => `${topic}: ${line}`).filter(told),
    );
    return [
      ...missingFrom(fresh, old).map((line) => `- ${line}`),
      ...missingFrom(old, fresh).map((line) => `+ ${line}`),
    ];
  });
}

/** Lines that the second has and the first has not. */
function missingFrom(first: readonly string[], second: readonly string[]): string[] {
  const known = new Set(first);
  return second.filter((line) => !known.has(line));
}

async function lines(argv: readonly string[]): Promise<string[]> {
  const { stdout } = await run(argv);
  return stdout.split('\n').filter((line) => line.trim() !== '');
}

async function ipJson<T>(...args: string[]): Promise<T[]> {
  return JSON.parse((await run(['ip', '-j', ...args])).stdout || '[]') as T[];
}

async function links(): Promise<string[]> {
  const list = await ipJson<{ ifname: string; address?: string; mtu: number; master?: string }>('link');
  return list.map(({ ifname, address, mtu, master }) => `${ifname} ${address} mtu ${mtu} in ${master}`);
}

async function addresses(): Promise<string[]> {
  type Address = { ifname: string; addr_info: { local?: string; prefixlen: number }[] };
  return (await ipJson<Address>('address')).flatMap(({ ifname, addr_info }) =>
    addr_info.map(({ local, prefixlen }) => `${ifname} ${local}/${prefixlen}`),
  );
}

async function routes(): Promise<string[]> {
  const both = await Promise.all(
    ['-4', '-6'].map((family) => lines(['ip', family, 'route', 'show', 'table', 'all'])),
  );
  // a learnt route tells how long it will live
  return both.flat().map((line) => line.replace(/ expires \S+/, '').trim());
}

async function iptablesRules(): Promise<string[]> {
  const families = await Promise.all(
    ['iptables-save', 'ip6tables-save'].map((program) => lines([program]).catch(() => [])),
  );
  const rules = families.flat();
  return rules.filter((line) => !line.startsWith('#')).map((line) => line.replace(/\[\d+:\d+\]/, ''));
}

async function mounts(): Promise<string[]> {
  const text = await readFile('/proc/self/mountinfo', 'utf8');
  return text
    .trim()
    .split('\n')
    .map((line) => `${line.split(' ')[4]} ${line.split(' - ')[1]?.split(' ')[0]}`);
}

async function cgroups(): Promise<string[]> {
  return (await lines(['find', '/sys/fs/cgroup', '-type', 'd'])).sort();
}

const programs = /^(systemd|containerd|kube|etcd|runc|catatonit|dbus-daemon|agetty)/;

/** What a machine consists of, by name; and whatever else is in a cgroup of knest. */
async function processes(): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(
    pids.map(async (pid) => {
      const [command = '', groups = ''] = await Promise.all(
        ['cmdline', 'cgroup'].map((file) => readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '')),
      );
      const argv = command.split('\0');
      // one that has ended, and whose parent has not looked yet, has no command any more
      const ours = command !== '' && (programs.test(basename(argv[0] ?? '')) || /:\/knest\//.test(groups));
      return ours ? [`${pid} ${argv.join(' ').trim()}`] : [];
    }),
  );
  return found.flat();
}

/** Those that knest sets, and those that the kernel changes along with them. */
async function sysctls(): Promise<string[]> {
  const patterns = [
    '^net\\.(bridge|ipv4\\.conf\\.(all|default)|ipv6\\.conf\\.(all|default))\\.',
    // of every link: forwarding IPv6 changes all of them
    '^net\\.ipv6\\.conf\\.[^.]*\\.(forwarding|accept_ra)$',
  ];
  const [named, ...related] = await Promise.all([
    lines(['sysctl', '--ignore', ...sysctlKeys]),
    ...patterns.map((pattern) => lines(['sysctl', '--all', '--pattern', pattern])),
  ]);
  return [...named, ...related.flat()];
}

/**
 * Files below /etc with what tells that they were written; of /run, where others come and go as well, only names.
 */
async function files(folders: readonly string[]): Promise<string[]> {
  const [etc, run, others] = await Promise.all([
    walk('/etc', true),
    walk('/run', false),
    Promise.all(['/var/lib/machines', ...folders].map((folder) => walk(folder, false))),
  ]);
  return [...etc, ...run, ...others.flat()].filter((line) => !ofAnyMachine.has(line));
}

/** systemd-nspawn makes these for its first machine, whoever starts it; knest removes what is in them. */
const ofAnyMachine: ReadonlySet<string> = new Set(
  ['', '/locks', '/propagate', '/unix-export'].map((name) => `/run/systemd/nspawn${name}`),
);

async function walk(folder: string, detailed: boolean): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const found = await Promise.all(
    entries.map(async (entry) => {
      const path = join(folder, entry.name);
      if (!detailed || entry.isDirectory())
        return [path, ...(entry.isDirectory() ? await walk(path, detailed) : [])];
      const info = await lstat(path).catch(() => undefined);
      return info
        ? [`${path} ${info.mode.toString(8)} ${info.size} bytes of ${info.mtime.toISOString()}`]
        : [];
    }),
  );
  return found.flat();
}
