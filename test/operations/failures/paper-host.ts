/**
 * A host on paper on which clusters are made, changed and deleted: programs are answered as a kernel and its tools would,
 * and what they make (links, tables, mounts, cgroups, processes) is there afterwards and can be looked at.
 */

import { createHash } from 'node:crypto';
import { dirname } from 'node:path';

import { CommandError } from '../../../src/errors.ts';
import { memoryHost } from '../../../src/host/memory.ts';
import type { MemoryHost } from '../../../src/host/memory.ts';
import type { Host, TreeEntry } from '../../../src/host/types.ts';
import { gatherFacts } from '../../../src/observe/host/gather.ts';
import { rootfsLayer } from '../../../src/plan/image.ts';
import { clusterSpec } from '../../fixtures/cluster.ts';

export const paths = { state: '/var/lib/knest', cache: '/var/cache/knest' };
export const bootId = '11111111-2222-4333-8444-555555555555';

/** What is on the host besides its files. */
interface Kernel {
  links: Set<string>;
  tables: Set<string>;
}

export interface PaperHost {
  /** Its files and commands; every call works. */
  host: MemoryHost;
  kernel: Kernel;
}

const programs = [
  ...[
    'systemd-nspawn',
    'machinectl',
    'systemctl',
    'journalctl',
    'ip',
    'nft',
    'unshare',
    'nsenter',
    'setpriv',
  ],
  ...['mount', 'umount', 'findmnt', 'tar', 'xz', 'zstd', 'curl'],
];

const settings = {
  ...{ 'kernel/hostname': 'server1', 'kernel/osrelease': '6.12.0', 'kernel/arch': 'x86_64' },
  ...{ 'kernel/random/boot_id': bootId, 'kernel/panic': '0', 'kernel/panic_on_oops': '0' },
  ...{ 'kernel/keys/root_maxkeys': '1000000', 'kernel/keys/root_maxbytes': '25000000' },
  ...{ 'vm/overcommit_memory': '1', 'vm/panic_on_oom': '0' },
  ...{ 'net/ipv4/ip_forward': '0', 'net/ipv6/conf/all/disable_ipv6': '0' },
  ...{ 'net/ipv4/conf/all/route_localnet': '0', 'net/ipv4/conf/default/route_localnet': '0' },
  ...{ 'net/ipv6/conf/all/forwarding': '0', 'net/bridge/bridge-nf-call-iptables': '1' },
  ...{ 'fs/inotify/max_user_instances': '128', 'fs/inotify/max_user_watches': '524288' },
};

const mounts = ['30 1 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw', '31 1 8:1 / / rw - ext4 /dev/sda1 rw'];

/** A fresh host with the layers of a cluster in its cache. */
export async function paperHost(): Promise<PaperHost> {
  const host = memoryHost({
    files: {
      ...Object.fromEntries(programs.map((name) => [`/usr/bin/${name}`, ''])),
      ...Object.fromEntries(
        Object.entries(settings).map(([key, value]) => [`/proc/sys/${key}`, `${value}\n`]),
      ),
      '/proc/1/comm': 'init\n',
      '/proc/self/status': `Uid:\t0\t0\t0\t0\nCapBnd:\t000001ffffffffff\nCpus_allowed_list:\t0-3\n`,
      '/proc/self/mountinfo': `${mounts.join('\n')}\n`,
      '/proc/filesystems': '\text4\nnodev\toverlay\nnodev\tcgroup2\n',
      '/proc/meminfo': 'MemTotal:       16000000 kB\n',
      '/etc/machine-id': '0123456789abcdef0123456789abcdef\n',
      '/etc/resolv.conf': 'nameserver 192.0.2.53\n',
      '/dev/fuse': '',
      '/sys/fs/cgroup/cgroup.controllers': 'cpuset cpu io memory pids\n',
      '/root/.profile': '',
    },
  });
  for (const folder of [
    '/run/systemd/nspawn/locks',
    '/root/.kube',
    '/var/lib',
    '/var/cache/knest/layers',
    '/tmp',
  ])
    await host.makeDirectory(folder, 0o755);
  const made = onPaper(host, { links: new Set(['lo', 'eth0']), tables: new Set() });
  await addLayers(made.host);
  return made;
}

/** The same host once more: what happens on it is unknown to the first one. */
export async function copyOf({ host, kernel }: PaperHost): Promise<PaperHost> {
  const copy = memoryHost();
  await copy.put(await entriesBelow(host, '/'));
  return onPaper(copy, { links: new Set(kernel.links), tables: new Set(kernel.tables) });
}

async function addLayers(host: Host): Promise<void> {
  const kubernetes = {
    ...{ id: 'kubernetes-v1.33.1-release', kind: 'kubernetes', arch: 'amd64', version: 'v1.33.1' },
    ...{ source: { kind: 'release', baseUrl: 'https://dl.k8s.io' }, built: '2026-01-02T00:00:00.000Z' },
  };
  const { id } = rootfsLayer(clusterSpec().image, await gatherFacts(host, paths));
  const rootfs = { id, kind: 'rootfs', arch: 'amd64', suite: 'trixie', built: '2026-01-01T00:00:00.000Z' };
  for (const layer of [kubernetes, rootfs]) {
    await host.makeDirectory(`${paths.cache}/layers/${layer.id}`, 0o755);
    await host.writeFile(`${paths.cache}/layers/${layer.id}.json`, JSON.stringify(layer), 0o644);
  }
}

async function entriesBelow(host: Host, folder: string): Promise<TreeEntry[]> {
  const entries: TreeEntry[] = [];
  for (const name of await host.list(folder)) {
    const path = `${folder === '/' ? '' : folder}/${name}`;
    const info = await host.stat(path);
    if (info?.kind === 'directory')
      entries.push({ path, directory: true, mode: info.mode }, ...(await entriesBelow(host, path)));
    else if (info?.kind === 'link') entries.push({ path, link: (await host.readLink(path)) ?? '' });
    else entries.push({ path, content: (await host.readBytes(path)) ?? '', mode: info?.mode ?? 0 });
  }
  return entries;
}

/** All that is there, one line each: files with what is in them, links, tables. Equal lists are equal hosts. */
export async function inventory({ host, kernel }: PaperHost): Promise<string[]> {
  const entries = await entriesBelow(host, '/');
  const lines = entries.filter(isSomething).map((entry) => {
    if ('directory' in entry) return `${entry.path}/`;
    if ('link' in entry) return `${entry.path} -> ${entry.link}`;
    const text = Buffer.from(entry.content);
    const content =
      text.length < 60 ? text.toString('utf8').trim() : createHash('sha256').update(text).digest('hex');
    return `${entry.path}: ${content}`;
  });
  const [links, tables] = [[...kernel.links], [...kernel.tables]];
  return [...lines, ...links.map((one) => `link ${one}`), ...tables.map((one) => `table ${one}`)].sort();
}

/** An empty kubeconfig is as good as none. */
function isSomething(entry: TreeEntry): boolean {
  if (entry.path !== '/root/.kube/config' || !('content' in entry)) return true;
  return Buffer.from(entry.content).includes('knest');
}

interface Answer {
  exitCode?: number;
  stdout?: string;
  stderr?: string;
}

let lastPid = 50_000;

function onPaper(base: MemoryHost, kernel: Kernel): PaperHost {
  const { files } = base;
  const refused = (why: string): Answer => ({ exitCode: 1, stderr: why });
  const ok: Answer = {};

  const setMounts = (change: (lines: string[]) => string[]): void => {
    const lines = (files.get('/proc/self/mountinfo')?.content ?? '').split('\n').filter(Boolean);
    files.set('/proc/self/mountinfo', { content: `${change(lines).join('\n')}\n`, mode: 0o444 });
  };
  const isMounted = (point: string): boolean =>
    (files.get('/proc/self/mountinfo')?.content ?? '')
      .split('\n')
      .some((line) => line.split(' ')[4] === point);

  /** What the launch script does, and systemd-nspawn after it. */
  const launch = async (script: string): Promise<Answer> => {
    const text = files.get(script)?.content;
    if (text === undefined) return ok;
    const folder = dirname(script);
    const name = folder.slice(folder.lastIndexOf('/') + 1);
    const [pid, leader] = [(lastPid += 2), lastPid + 1];
    const stat = (one: number) => `${one} (x) S ${Array.from({ length: 18 }, () => '0').join(' ')} 77 0\n`;
    const groups = /^mkdir -p (\/sys\/fs\/cgroup.*)$/m.exec(text)?.[1]?.split(' ') ?? [];
    for (const group of groups) await base.makeDirectory(group, 0o755);
    const write = (path: string, content: string): void => {
      files.set(path, { content, mode: 0o644 });
    };
    write(`${folder}/pid`, `${pid} 77 ${bootId}\n`);
    write(`${folder}/console.log`, 'booting\n');
    write(`/proc/${pid}/stat`, stat(pid));
    write(`/proc/${pid}/task/${pid}/children`, `${leader} `);
    write(`/proc/${leader}/stat`, stat(leader));
    write(`/proc/${leader}/status`, `NSpid:\t${leader}\t1\n`);
    write(`/proc/${leader}/cgroup`, `0::/knest/${name}/init.scope\n`);
    write(`/run/systemd/nspawn/locks/inode-1:2`, '');
    if (!isMounted(`${folder}/root`))
      setMounts((lines) => [...lines, `40 31 0:40 / ${folder}/root rw - overlay overlay rw`]);
    kernel.links.add(`vb-${name}`);
    return ok;
  };
  const kill = async (pids: readonly string[]): Promise<Answer> => {
    for (const pid of pids) {
      if (!files.has(`/proc/${pid}/stat`)) continue;
      // with process 1 ends systemd-nspawn, and with that process 1
      const pair = files.has(`/proc/${pid}/status`) ? [pid, Number(pid) - 1] : [pid, Number(pid) + 1];
      for (const one of pair) await base.remove(`/proc/${one}`);
    }
    return ok;
  };
  const removeEmpty = async (folders: readonly string[]): Promise<Answer> => {
    let failed = false;
    for (const folder of folders) {
      const there = (await base.stat(folder))?.kind === 'directory';
      if (there && (await base.list(folder)).length === 0) await base.remove(folder);
      else failed = true;
    }
    return failed ? refused('rmdir: not empty, or not there') : ok;
  };
  /** Where a file of a mounted overlay is: written since it was mounted, or below. */
  const below = async (path: string): Promise<string> =>
    (await base.stat(path)) ? path : path.replace(/(\/machines\/[^/]+)\/root\//, '$1/upper/');
  /** find(1) with -printf '%y\t%m\t%l\t%p\n'. */
  const look = async (paths: readonly string[]): Promise<Answer> => {
    const lines = await Promise.all(
      paths.map(async (path) => {
        const real = await below(path);
        const info = await base.stat(real);
        if (!info) return '';
        const kind = { file: 'f', directory: 'd', link: 'l' }[info.kind as string] ?? 'c';
        const link = info.kind === 'link' ? ((await base.readLink(real)) ?? '') : '';
        return `${kind}\t${info.mode.toString(8)}\t${link}\t${path}\n`;
      }),
    );
    return { exitCode: lines.includes('') ? 1 : 0, stdout: lines.join('') };
  };
  const sums = async (paths: readonly string[]): Promise<Answer> => {
    const lines = await Promise.all(
      paths.map(async (path) => {
        const content = (await base.readBytes(await below(path))) ?? '';
        return `${createHash('sha256').update(content).digest('hex')}  ${path}\n`;
      }),
    );
    return { stdout: lines.join('') };
  };
  const nft = (input: string): Answer => {
    for (const [, family = '', table = ''] of input.matchAll(/^\s*(?:add )?table (\S+) ([^\s{]+)/gm))
      kernel.tables.add(`${family} ${table}`);
    return ok;
  };
  const ip = async (words: readonly string[]): Promise<Answer> => {
    const link = words[words.indexOf('dev') + 1] ?? '';
    if (words.includes('-j')) {
      if (words.includes('route')) return { stdout: '[]' };
      const eth0 = [{ local: '192.0.2.2', prefixlen: 24 }];
      const all = [...kernel.links].map((ifname) => ({
        ifname,
        flags: ['UP'],
        addr_info: ifname === 'eth0' ? eth0 : [],
      }));
      return { stdout: JSON.stringify(all) };
    }
    if (words[1] === 'link' && words[2] === 'add') {
      const name = words[words.indexOf('name') + 1] ?? '';
      if (kernel.links.has(name)) return refused('RTNETLINK answers: File exists');
      kernel.links.add(name);
      return ok;
    }
    if (words[1] === 'link' && words[2] === 'show')
      return kernel.links.has(link) ? ok : refused('no such link');
    if (words[1] === 'link' && words[2] === 'delete') {
      for (const family of ['ipv4', 'ipv6']) await base.remove(`/proc/sys/net/${family}/conf/${link}`);
      return kernel.links.delete(link) ? ok : refused('Cannot find device');
    }
    return ok;
  };
  const answer = async (argv: readonly string[], input: string): Promise<Answer> => {
    const [program = '', ...words] = argv;
    const last = argv.at(-1) ?? '';
    switch (program) {
      case 'ip':
        return ip(argv);
      case 'nft':
        if (words.includes('list')) return { stdout: '{"nftables": []}' };
        if (words[0] === 'delete')
          return kernel.tables.delete(words.slice(2).join(' ')) ? ok : refused('No such file or directory');
        return nft(input);
      case 'tee':
        files.set(last, { content: input, mode: 0o644 });
        return { stdout: input };
      case 'setsid':
        return launch(argv[argv.length - 2] ?? '');
      case 'kill':
        return kill(words.slice(1));
      case 'find':
        if (words[0] === '/dev')
          return { stdout: [...files.keys()].filter((path) => path.startsWith('/dev/')).join('\n') };
        if (words.includes('-printf')) return look(words.slice(0, words.indexOf('-maxdepth')));
        for (const folder of words.slice(0, words.indexOf('-depth'))) await base.remove(folder);
        return ok;
      case 'sha256sum':
        return sums(words.slice(1));
      case 'rmdir':
        return removeEmpty(words.filter((word) => word.startsWith('/')));
      case 'umount':
        if (!isMounted(last)) return refused('not mounted');
        setMounts((lines) => lines.filter((line) => line.split(' ')[4] !== last));
        return ok;
      case 'stat':
        if (words[0] === '--file-system') return { stdout: '10000000 4096\n10000000 4096\n' };
        return isMounted(last) ? { stdout: '1:2\n' } : refused('no such file');
      case 'flock': {
        const [path = '', seen] = argv.slice(-2);
        if (files.get(path)?.content !== seen) return refused('');
        files.delete(path);
        return ok;
      }
      case 'test':
        return (await base.stat(last)) ? ok : refused('');
      case 'systemd-nspawn':
        return { stdout: 'systemd 257 (257.1)' };
      default:
        // programs inside machines, kubectl
        return ok;
    }
  };
  const host: MemoryHost = {
    ...base,
    run: async (argv, options = {}) => {
      const played = await answer(argv, typeof options.input === 'string' ? options.input : '');
      const { exitCode = 0, stdout = '', stderr = '' } = played;
      const expected = options.okExitCodes ?? [0];
      if (expected !== 'any' && !expected.includes(exitCode))
        throw new CommandError(base.name, argv, exitCode, stderr);
      return { exitCode, stdout, stderr };
    },
  };
  return { host, kernel };
}
