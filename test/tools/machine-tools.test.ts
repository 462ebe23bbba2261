import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { describe, expect, it, vi } from 'vitest';

import type { CgroupFacts } from '../../src/facts/types.ts';
import { cgroupProcsFiles, removeCgroupsCommand } from '../../src/tools/cgroup.ts';
import { importImagesCommand } from '../../src/tools/ctr.ts';
import { mountsBelow, umountCommand } from '../../src/tools/mount.ts';
import { enterMachineCommand } from '../../src/tools/nsenter.ts';
import { parseUnitProperties, showUnitsCommand } from '../../src/tools/systemctl.ts';

describe('enterMachineCommand', () => {
  it('joins the cgroups, then all namespaces, and passes arguments unharmed', async () => {
    await inFolder(async (folder) => {
      await fakeProgram(folder, 'nsenter', 'shift; while [ "$1" != -- ]; do shift; done; shift; exec "$@"');
      const groups = ['a', 'b'].map((name) => join(folder, name));
      const print = ['printf', '%s|', "it's", 'a b', '$HOME', '*', ''];
      const [program = '', ...args] = enterMachineCommand(7, groups, print);
      const env = { PATH: `${folder}:/usr/bin:/bin` };
      expect(execFileSync(program, args, { env, encoding: 'utf8' })).toBe("it's|a b|$HOME|*||");
      const pids = await Promise.all(groups.map((file) => readFile(file, 'utf8')));
      expect(pids[0]).toMatch(/^\d+\n$/);
      expect(pids[1]).toBe(pids[0]);
    });
  });

  it('names the machine’s process 1 and every namespace', () => {
    const argv = enterMachineCommand(1234, [], ['true'], 'xterm');
    expect(argv).toEqual(
      expect.arrayContaining(['--target=1234', '--mount', '--uts', '--ipc', '--net', '--pid', '--cgroup']),
    );
    expect(argv).toContain('TERM=xterm');
  });

  it.runIf(process.getuid?.() === 0)('ends the program when nsenter is killed', async () => {
    const machine = spawn('unshare', ['--pid', '--fork', '--kill-child', 'sleep', '60'], { stdio: 'pipe' });
    try {
      const leader = await vi.waitFor(() =>
        Number(readFileSync(`/proc/${machine.pid}/task/${machine.pid}/children`, 'utf8').trim() || missing()),
      );
      const [program = '', ...args] = enterMachineCommand(leader, [], ['sh', '-c', 'echo on; exec sleep 60']);
      const nsenter = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
      await once(nsenter.stdout, 'data');
      nsenter.kill('SIGKILL');
      // it has the pipe as long as it lives
      await once(nsenter, 'close', { signal: AbortSignal.timeout(5_000) });
    } finally {
      machine.kill('SIGKILL');
    }
  });

  it('hands on nothing of the host’s environment', () => {
    const argv = enterMachineCommand(1, [], ['true']);
    expect(argv.slice(argv.indexOf('env'), argv.indexOf('env') + 2)).toEqual(['env', '-i']);
  });

  it('passes on the exit code', async () => {
    await inFolder(async (folder) => {
      await fakeProgram(folder, 'nsenter', 'exit 42');
      const [program = '', ...args] = enterMachineCommand(7, [], ['true']);
      const run = () => execFileSync(program, args, { env: { PATH: `${folder}:/usr/bin:/bin` } });
      expect(run).toThrow(expect.objectContaining({ status: 42 }) as Error);
    });
  });
});

describe('cgroupProcsFiles', () => {
  const hybrid: CgroupFacts = {
    version: 'hybrid',
    hierarchies: ['cpu,cpuacct', 'memory', 'systemd', 'unified'].map((name) => `/sys/fs/cgroup/${name}`),
  };
  const cases: [string, CgroupFacts, string, string[]][] = [
    [
      'v2',
      { version: 'v2', hierarchies: ['/sys/fs/cgroup'] },
      '0::/knest/node/init.scope\n',
      ['/sys/fs/cgroup/knest/node/init.scope/cgroup.procs'],
    ],
    [
      'hybrid',
      hybrid,
      '9:memory:/knest/n\n4:cpu,cpuacct:/knest/n\n1:name=systemd:/knest/n/init.scope\n0::/knest/n\n',
      [
        '/sys/fs/cgroup/memory/knest/n/cgroup.procs',
        '/sys/fs/cgroup/cpu,cpuacct/knest/n/cgroup.procs',
        '/sys/fs/cgroup/systemd/knest/n/init.scope/cgroup.procs',
        '/sys/fs/cgroup/unified/knest/n/cgroup.procs',
      ],
    ],
    ['hybrid in the root cgroup', hybrid, '9:memory:/\n', ['/sys/fs/cgroup/memory/cgroup.procs']],
    ['a path with colons', hybrid, '9:memory:/a:b\n', ['/sys/fs/cgroup/memory/a:b/cgroup.procs']],
    ['hierarchies that are not mounted', hybrid, '9:blkio:/x\n3:name=other:/x\n', []],
    [
      'v1 without a v2 tree',
      { version: 'v1', hierarchies: ['/sys/fs/cgroup/memory'] },
      '0::/x\n9:memory:/x\n',
      ['/sys/fs/cgroup/memory/x/cgroup.procs'],
    ],
    ['a process that has ended', hybrid, '', []],
  ];

  it.each(cases)('of %s', (_name, facts, text, expected) => {
    expect(cgroupProcsFiles(text, facts)).toEqual(expected);
  });
});

describe('removeCgroupsCommand', () => {
  it('removes nested groups, and those only', async () => {
    await inFolder(async (folder) => {
      for (const path of ['a/b/c', 'a/d', 'other/empty'])
        await mkdir(join(folder, path), { recursive: true });
      run(removeCgroupsCommand([join(folder, 'a')]), folder);
      expect(await readdir(folder)).toEqual(['other']);
    });
  });

  it('touches nothing when there are none', async () => {
    await inFolder(async (folder) => {
      await mkdir(join(folder, 'empty'));
      run(removeCgroupsCommand([]), folder);
      expect(await readdir(folder)).toEqual(['empty']);
    });
  });
});

describe('mountsBelow', () => {
  const mountinfo = [
    '22 1 8:1 / / rw - ext4 /dev/sda1 rw',
    '23 22 0:5 / /state/m rw shared:2 - overlay overlay rw',
    '24 23 0:6 / /state/m/root/proc rw - proc proc rw',
    '25 22 0:7 / /state/m2 rw - tmpfs tmpfs rw',
    '26 22 0:8 / /state/m/with\\040space\\134 rw - tmpfs tmpfs rw',
    '',
  ].join('\n');

  it('finds what is mounted at or below a folder, last first', () => {
    expect(mountsBelow(mountinfo, '/state/m')).toEqual([
      '/state/m/with space\\',
      '/state/m/root/proc',
      '/state/m',
    ]);
    expect(mountsBelow(mountinfo, '/state/none')).toEqual([]);
  });

  it('reads this kernel’s own', async () => {
    expect(mountsBelow(await readFile('/proc/self/mountinfo', 'utf8'), '/proc')).toContain('/proc');
  });

  it('is unmounted one by one', () => {
    expect(umountCommand('-x')).toEqual(['umount', '--', '-x']);
  });
});

describe('systemctl show', () => {
  it('is asked for properties', () => {
    expect(showUnitsCommand(['a.service', '-.mount'])).toEqual([
      ...['systemctl', 'show', '--no-pager', '--property=Id,ActiveState,SubState,Result,NRestarts', '--'],
      ...['a.service', '-.mount'],
    ]);
  });

  it('is read in any order, with targets that know no restarts', () => {
    const text = [
      'NRestarts=3\nResult=exit-code\nId=etcd.service\nActiveState=activating\nSubState=auto-restart',
      'Id=k8s.target\nActiveState=active\nSubState=active',
    ].join('\n\n');
    for (const ending of ['', '\n', '\n\n']) {
      expect(parseUnitProperties(text + ending)).toEqual([
        { name: 'etcd.service', active: 'activating', sub: 'auto-restart', result: 'exit-code', restarts: 3 },
        { name: 'k8s.target', active: 'active', sub: 'active', result: '', restarts: 0 },
      ]);
    }
    expect(parseUnitProperties('')).toEqual([]);
  });
});

describe('ctr', () => {
  it('reads an archive from its standard input', () => {
    expect(importImagesCommand()).toEqual(['ctr', '--namespace', 'k8s.io', 'images', 'import', '-']);
  });
});

function run([program = '', ...args]: readonly string[], cwd: string): string {
  return execFileSync(program, args, { cwd, encoding: 'utf8' });
}

async function fakeProgram(folder: string, name: string, script: string): Promise<void> {
  await writeFile(join(folder, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
}

async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'knest-tools-'));
  try {
    await work(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

function missing(): never {
  throw new Error('not there yet');
}
