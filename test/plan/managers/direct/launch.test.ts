import { execFileSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { CgroupFacts } from '../../../../src/facts/types.ts';
import { planLaunch } from '../../../../src/plan/managers/direct/launch.ts';
import type { NodeResources } from '../../../../src/spec/types.ts';
import type { LaunchInput } from '../../../../src/plan/managers/direct/launch.ts';
import type { DirectRun } from '../../../../src/plan/types.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'knest-launch-'));
});

afterEach(() => rm(folder, { recursive: true }));

const kinds = ['v1', 'hybrid', 'v2'] as const;

describe.each(kinds)('the launch script on cgroup %s', (version) => {
  it('is a valid shell script', () => {
    const { script } = planLaunch(machine('/state/m'), { cgroup: cgroup(version, '/sys/fs/cgroup') });
    expect(script.startsWith('#!/bin/sh\n')).toBe(true);
    // throws on a syntax error
    execFileSync('sh', ['-n'], { input: script });
  });

  it.each(['plain', 'with space', "it's $HOME; *"])(
    'becomes systemd-nspawn (state folder: %s)',
    async (name) => {
      const { launch, calls } = await launchForReal(join(folder, name), version);
      const argv = calls.at(-1);
      expect(argv).toEqual(launch.argv);
      expect(calls[0]).toEqual(['mountpoint', '-q', join(folder, name, 'm', 'root')]);
      expect(calls[1]?.slice(0, 4)).toEqual(['mount', '-t', 'overlay', 'overlay']);
      expect(calls.length).toBe(3);
    },
  );

  it('names itself first, in one piece', async () => {
    const { launch, pid } = await launchForReal(folder, version);
    const bootId = (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
    expect(await readFile(launch.pidFile, 'utf8')).toMatch(new RegExp(`^${pid} \\d+ ${bootId}\\n$`));
    expect(launch.script.indexOf(launch.pidFile)).toBeLessThan(launch.script.indexOf('mountpoint'));
  });

  it('enters every cgroup of its own, and only those', async () => {
    const { launch, pid } = await launchForReal(folder, version);
    expect(launch.cgroups.length).toBe(version === 'v2' ? 1 : 3);
    for (const group of launch.cgroups) {
      expect(group).toMatch(/\/knest\/node$/);
      expect((await readFile(join(group, 'cgroup.procs'), 'utf8')).trim()).toBe(pid);
    }
  });
});

describe('the launch script', () => {
  it('fills the cpuset, which is empty at first, and lets no process in before', async () => {
    const { launch } = await launchForReal(folder, 'v1');
    const cpuset = launch.cgroups.find((group) => group.includes('/cpuset/')) ?? '';
    expect(await readFile(join(cpuset, 'cpuset.cpus'), 'utf8')).toBe('0-1\n');
    expect(await readFile(join(cpuset, '../cpuset.mems'), 'utf8')).toBe('0\n');
    expect(launch.script.indexOf('cpuset.mems')).toBeLessThan(launch.script.indexOf('cgroup.procs'));
  });

  it('gives up when its machine is being deleted, which begins with the script', async () => {
    const launch = planLaunch(machine(folder), { cgroup: cgroup('v1', join(folder, 'cgroup')) });
    // with $0 as if it had been there; mount and systemd-nspawn would be missing
    execFileSync('sh', ['-c', launch.script, launch.path], { env: { PATH: '/usr/bin:/bin' } });
    expect(await readdir(folder)).toEqual(['pid']);
  });

  it('hands on every controller on v2', async () => {
    const { launch } = await launchForReal(folder, 'v2');
    expect(await readFile(join(launch.cgroups[0] ?? '', '../cgroup.subtree_control'), 'utf8')).toBe(
      '+pids\n',
    );
    expect(await readFile(join(folder, 'cgroup/cgroup.subtree_control'), 'utf8')).toBe('+pids\n');
    // nothing moves at the root of all cgroups
    expect(await readdir(join(folder, 'cgroup'))).not.toContain('init');
  });

  it('moves what is in the cgroup of a container aside: with processes it could hand nothing on', async () => {
    await mkdir(join(folder, 'cgroup'));
    await writeFile(join(folder, 'cgroup/cgroup.type'), 'domain\n');
    await writeFile(join(folder, 'cgroup/cgroup.procs'), '1\n17\n');
    const { launch } = await launchForReal(folder, 'v2');
    expect(await readFile(join(folder, 'cgroup/init/cgroup.procs'), 'utf8')).toBe('17\n');
    expect(launch.script.indexOf('/init/')).toBeLessThan(launch.script.indexOf('subtree_control'));
  });

  it('says which controller it does not get', async () => {
    await expect(launchForReal(folder, 'v2', 'cpu memory pids')).rejects.toThrow(
      /hands on no controller cpuset: Kubernetes cannot run without it/,
    );
  });
});

describe('limits', () => {
  const limited = machine('/state/m', { cpus: 1.5, memory: 2 ** 30, tasks: 500, ioWeight: 300 });

  it('are written into the hierarchies of cgroup v1 before the machine enters', () => {
    const { script } = planLaunch(limited, {
      cgroup: {
        version: 'v1',
        hierarchies: ['/sys/fs/cgroup/cpu,cpuacct', '/sys/fs/cgroup/memory', '/sys/fs/cgroup/pids'],
      },
    });
    expect(script).toContain('echo 150000 > /sys/fs/cgroup/cpu,cpuacct/knest/node/cpu.cfs_quota_us');
    expect(script).toContain('echo 1073741824 > /sys/fs/cgroup/memory/knest/node/memory.limit_in_bytes');
    expect(script).toContain('echo 500 > /sys/fs/cgroup/pids/knest/node/pids.max');
  });

  it('are written into the one cgroup of v2', () => {
    const { script } = planLaunch(limited, { cgroup: cgroup('v2', '/sys/fs/cgroup') });
    expect(script).toContain('echo 150000 100000 > /sys/fs/cgroup/knest/node/cpu.max');
    expect(script).toContain('echo 1073741824 > /sys/fs/cgroup/knest/node/memory.max');
    expect(script).toContain('echo 500 > /sys/fs/cgroup/knest/node/pids.max');
  });

  it('weigh the disks where the kernel has a file for it, and say where it has none', async () => {
    const files: Record<(typeof kinds)[number], Record<string, string>> = {
      v1: { 'blkio.bfq.weight': '118\n', 'blkio.weight': '1000\n' },
      hybrid: { 'blkio.bfq.weight': '118\n', 'blkio.weight': '1000\n' },
      v2: { 'io.weight': '300\n', 'io.bfq.weight': '118\n' },
    };
    for (const kind of kinds) {
      const root = join(folder, kind);
      const hierarchy = kind === 'v2' ? root : join(root, 'blkio');
      const group = join(hierarchy, 'knest/node');
      await mkdir(group, { recursive: true });
      const { script } = planLaunch(machine('/state/m', { ioWeight: 300 }), {
        cgroup: { version: kind, hierarchies: [hierarchy] },
      });
      const lines = script.slice(script.indexOf('# Share of the disks'), script.indexOf('# /proc/sys/net'));
      const run = (): string => execFileSync('sh', ['-euc', lines], { encoding: 'utf8' });
      expect(run()).toContain('300 has no effect');
      expect(await readdir(group)).toEqual([]);
      for (const [file, content] of Object.entries(files[kind])) {
        await writeFile(join(group, file), '');
        expect(run()).toBe('');
        expect(await readFile(join(group, file), 'utf8')).toBe(content);
      }
    }
  });

  it('are not mentioned where there are none', () => {
    const { script } = planLaunch(machine('/state/m'), { cgroup: cgroup('v2', '/sys/fs/cgroup') });
    expect(script).not.toMatch(/Limits|cpu\.max|memory\.max|weight/);
  });
});

describe('systemd-nspawn', () => {
  const { argv } = planLaunch(machine('/state/m'), { cgroup: cgroup('v1', '/sys/fs/cgroup') });

  it('is told where, who and on which bridge', () => {
    expect(argv).toEqual(
      expect.arrayContaining([
        '--directory=/state/m/root',
        '--machine=node',
        '--network-bridge=kn-test',
        '--bind=/state/m/data/etcd:/var/lib/etcd',
      ]),
    );
  });

  it('never suppresses sync: containerd could import nothing', () => {
    expect(argv.join(' ')).not.toContain('suppress-sync');
  });
});

function machine(home: string, resources: Partial<NodeResources> = {}): LaunchInput {
  return {
    name: 'node',
    folder: home,
    root: `${home}/root`,
    upper: `${home}/upper`,
    work: `${home}/work`,
    lower: ['/cache/layers/top', '/cache/layers/bottom'],
    binds: [{ source: `${home}/data/etcd`, target: '/var/lib/etcd' }],
    link: { bridge: 'kn-test' },
    started: [],
    boosted: false,
    unifiedCgroup: false,
    resources: { cpus: undefined, memory: undefined, tasks: undefined, ioWeight: undefined, ...resources },
  };
}

function cgroup(version: CgroupFacts['version'], mount: string): CgroupFacts {
  const names = version === 'v2' ? [''] : ['/cpuset', '/memory', '/systemd'];
  return { version, hierarchies: names.map((name) => `${mount}${name}`) };
}

/** Runs the script with stand-ins for cgroups and for mountpoint, mount and systemd-nspawn, which note their calls. */
async function launchForReal(
  home: string,
  version: CgroupFacts['version'],
  controllers = 'cpuset cpu memory pids',
): Promise<{ launch: DirectRun; calls: string[][]; pid: string }> {
  const [bin, mount, log, own] = ['bin', 'cgroup', 'log', join(home, 'm')].map((path) =>
    path.startsWith('/') ? path : join(folder, path),
  ) as [string, string, string, string];
  const facts = cgroup(version, mount);
  await mkdir(own, { recursive: true });
  await mkdir(bin, { recursive: true });
  for (const hierarchy of facts.hierarchies) {
    await mkdir(hierarchy, { recursive: true });
    await writeFile(join(hierarchy, 'cgroup.controllers'), `${controllers}\n`);
    await writeFile(join(hierarchy, 'cpuset.cpus'), '0-1\n');
    await writeFile(join(hierarchy, 'cpuset.mems'), '0\n');
    // the kernel makes such files with each directory; here they have to be there before
    if (version === 'v2') {
      await mkdir(join(hierarchy, 'knest/node'), { recursive: true });
      await writeFile(join(hierarchy, 'knest/node/cgroup.controllers'), `${controllers}\n`);
    }
    if (hierarchy.endsWith('cpuset')) {
      await mkdir(join(hierarchy, 'knest/node'), { recursive: true });
      await writeFile(join(hierarchy, 'knest/cpuset.cpus'), '\n');
    }
  }
  for (const program of ['mountpoint', 'mount', 'systemd-nspawn']) {
    const answer = program === 'mountpoint' ? 1 : 0;
    const words = `printf '%s\\0' ${program} "$@" >> ${log}; printf '\\n' >> ${log}`;
    await writeFile(join(bin, program), `#!/bin/sh\n${words}\necho $$ > ${log}.pid\nexit ${answer}\n`);
    await chmod(join(bin, program), 0o755);
  }
  const launch = planLaunch(machine(own), { cgroup: facts });
  await writeFile(launch.path, launch.script);
  execFileSync('sh', [launch.path], { env: { PATH: `${bin}:/usr/bin:/bin` } });
  const calls = (await readFile(log, 'utf8')).trim().split('\n');
  return {
    launch,
    calls: calls.map((line) => line.split('\0').slice(0, -1)),
    pid: (await readFile(`${log}.pid`, 'utf8')).trim(),
  };
}
