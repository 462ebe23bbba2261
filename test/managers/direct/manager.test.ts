import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { directManager } from '../../../src/managers/direct/manager.ts';
import { localHost } from '../../../src/host/local.ts';
import { memoryHost } from '../../../src/host/memory.ts';
import type { MemoryHost, MemoryHostOptions } from '../../../src/host/memory.ts';
import { runOf } from '../../../src/plan/managers/run-of.ts';
import type { NodeRole } from '../../../src/spec/types.ts';
import { machineOf, nodesOf, planOf, sandboxFacts } from '../../fixtures/cluster.ts';

const facts = sandboxFacts({ cgroup: { version: 'hybrid', hierarchies: ['/cg/memory', '/cg/unified'] } });
const machine = machineOf(planOf({ facts }));
const { cgroups, pidFile, logFile, path: script } = runOf(machine, 'direct');

/** systemd-nspawn is 100, the machine's process 1 is 102; 101 is a helper of nspawn. */
const running = {
  '/proc/sys/kernel/random/boot_id': 'boot\n',
  [pidFile]: '100 18 boot\n',
  '/proc/100/stat': procStat(100),
  '/proc/100/task/100/children': '101 102 ',
  '/proc/101/status': 'Name:\thelper\nNSpid:\t101\n',
  '/proc/102/status': 'Name:\tsystemd\nNSpid:\t102\t1\n',
  '/proc/102/cgroup': '5:memory:/knest/m/init.scope\n0::/knest/m/init.scope\n',
};

describe('leader', () => {
  it('is the child of systemd-nspawn that is process 1 of its own', async () => {
    expect(await manage(hostWith()).leader(machine)).toBe(102);
  });

  it.each([
    ['was never started', { [pidFile]: undefined }],
    ['has ended', { '/proc/100/stat': undefined }],
    ['ended, and its pid was reused', { '/proc/100/stat': procStat(100, '99') }],
    ['ended with the host', { '/proc/sys/kernel/random/boot_id': 'another\n' }],
    ['is still starting', { '/proc/100/task/100/children': '101 ' }],
    ['left a damaged pid file', { [pidFile]: '100' }],
  ])('is nobody when the machine %s', async (_name, changes) => {
    expect(await manage(hostWith(changes)).leader(machine)).toBeUndefined();
  });
});

describe('run', () => {
  it('enters the cgroups and namespaces of process 1', async () => {
    const host = hostWith({}, { sh: { exitCode: 3, stdout: 'out' } });
    const result = await manage(host).run(machine, ['program', 'a b'], { okExitCodes: [3] });
    expect(result).toMatchObject({ exitCode: 3, stdout: 'out' });
    const argv = host.commands[0] ?? [];
    expect(argv.slice(-2)).toEqual(['program', 'a b']);
    expect(argv).toContain('--target=102');
    expect(argv[3]).toBe(
      '/cg/memory/knest/m/init.scope/cgroup.procs /cg/unified/knest/m/init.scope/cgroup.procs',
    );
  });

  it('shows the console of a machine that does not run', async () => {
    const host = hostWith({ '/proc/100/stat': undefined, [logFile]: 'one\nfailed to mount\n' });
    await expect(manage(host).run(machine, ['true'])).rejects.toMatchObject({
      message: expect.stringContaining(`${machine.name} does not run`) as string,
      details: ['one', 'failed to mount'],
      hint: expect.stringContaining(logFile) as string,
    });
  });
});

describe('start', () => {
  it('leaves a running machine alone', async () => {
    const host = hostWith();
    await manage(host).start(machine);
    expect(host.commands).toEqual([]);
  });

  it('runs the launch script detached, until process 1 is there', async () => {
    const host: MemoryHost = hostWith(
      { [pidFile]: undefined },
      {
        setsid: () => {
          host.files.set(pidFile, { content: running[pidFile] ?? '', mode: 0o644 });
          return {};
        },
      },
    );
    await manage(host).start(machine);
    const argv = host.commands.find(([program]) => program === 'setsid');
    expect(argv?.slice(0, 2)).toEqual(['setsid', '--fork']);
    expect(argv?.slice(-2)).toEqual([script, logFile]);
  });

  it('stops waiting when told to', async () => {
    const host = hostWith({ [pidFile]: undefined }, { setsid: {} });
    await expect(manage(host).start(machine, AbortSignal.abort(new Error('enough')))).rejects.toThrow(
      'enough',
    );
  });

  it('says at once why the script ended (real processes)', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'knest-launch-'));
    try {
      const run = {
        ...runOf(machine, 'direct'),
        path: `${folder}/launch`,
        pidFile: `${folder}/pid`,
        logFile: `${folder}/log`,
      };
      const identify = `echo "$$ $(cut -d' ' -f22 /proc/$$/stat) $(cat /proc/sys/kernel/random/boot_id)" > ${folder}/pid`;
      const text = `#!/bin/sh\n${identify}\nsleep 0.3\necho no such bridge >&2\nexit 1\n`;
      const host = localHost();
      await host.writeFile(run.path, text, 0o755);
      const started = Date.now();
      await expect(directManager(host, facts.cgroup).start({ ...machine, run })).rejects.toMatchObject({
        message: expect.stringContaining('did not start') as string,
        details: ['no such bridge'],
      });
      expect(Date.now() - started).toBeLessThan(5_000);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe('writeFiles', () => {
  it('writes the launch script, as it is in the plan', async () => {
    const host = memoryHost();
    await manage(host).writeFiles(machine);
    await manage(host).writeFiles(machine);
    const text = runOf(machine, 'direct').script;
    expect([...host.files]).toEqual([[script, { content: text, mode: 0o755 }]]);
  });
});

describe('boost', () => {
  const three = planOf({ facts, spec: { nodes: nodesOf(...Array<NodeRole>(3).fill('control-plane')) } });

  it('gives the first of several control planes more, then the usual; others nothing', async () => {
    const host = memoryHost({ answers: { tee: { exitCode: 1 } } });
    for (const one of three.machines) await manage(host).boost(one);
    for (const one of three.machines) await manage(host).unboost(one);
    const tee = ['tee', expect.stringMatching(/\/knest\/knest-control-plane\/cpu\./) as string];
    expect(host.commands).toEqual([tee, tee]);
  });
});

describe('destroy', () => {
  it('ends process 1 and nspawn, then removes cgroups, mounts and files', async () => {
    const host: MemoryHost = hostWith(
      {
        [`${cgroups[0] ?? ''}/cgroup.procs`]: '102',
        [`${machine.root}/etc/hostname`]: '',
        '/run/systemd/nspawn/locks/inode-45:678': '',
        [`/run/systemd/nspawn/propagate/${machine.name}/x`]: '',
        '/proc/self/mountinfo': [
          `1 1 0:1 / ${machine.root} rw - overlay overlay rw`,
          `2 1 0:1 / /run/systemd/nspawn/unix-export/${machine.name} rw - tmpfs tmpfs rw`,
          '3 1 0:1 / /other rw - x x rw\n',
        ].join('\n'),
      },
      {
        kill: () => {
          for (const file of ['/proc/100/stat', '/proc/102/status']) host.files.delete(file);
          return {};
        },
        find: () => {
          void host.remove('/cg');
          return {};
        },
        umount: {},
        rmdir: {},
        ip: {},
        stat: { stdout: '45:678' },
      },
    );
    await manage(host).destroy(machine);
    const programs = host.commands.map(([program]) => program);
    expect(programs.filter((program, index) => program !== programs[index - 1])).toEqual([
      'kill',
      'find',
      'rmdir',
      'ip',
      'stat',
      'umount',
    ]);
    // its end of the veth pair: the kernel would take it away later, and the next machine of that name fails until then
    expect(host.commands).toContainEqual(['ip', 'link', 'delete', 'dev', `vb-${machine.name}`]);
    expect(host.commands[0]).toEqual(['kill', '-KILL', '102', '100']);
    expect(host.commands.filter(([program]) => program === 'umount')).toEqual([
      ['umount', '--', `/run/systemd/nspawn/unix-export/${machine.name}`],
      ['umount', '--', machine.root],
    ]);
    const left = [...host.files.keys()].filter((file) => !file.startsWith('/proc/'));
    expect(left).toEqual([]);
  });

  it('finds nothing to do a second time, and kills nobody', async () => {
    const host = memoryHost({
      answers: { rmdir: { exitCode: 1 }, stat: { exitCode: 1 }, ip: { exitCode: 1 } },
    });
    await manage(host).destroy(machine);
    expect(host.commands.map(([program]) => program)).not.toContain('kill');
  });
});

function manage(host: MemoryHost) {
  return directManager(host, facts.cgroup);
}

/** A host on which the machine runs, but for the changes; undefined removes a file. */
function hostWith(
  changes: Readonly<Record<string, string | undefined>> = {},
  answers: MemoryHostOptions['answers'] = {},
): MemoryHost {
  const files = Object.entries({ ...running, ...changes }).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  );
  return memoryHost({ files: Object.fromEntries(files), answers });
}

/** /proc/<pid>/stat: the start time is the 22nd field. */
function procStat(pid: number, startTime = '18'): string {
  const between = Array.from({ length: 18 }, () => '0').join(' ');
  return `${pid} (systemd-nspawn) S ${between} ${startTime} 0 0\n`;
}
