import { describe, expect, it } from 'vitest';

import { writeHostFiles } from '../../../src/managers/systemd/host-files.ts';
import { systemdManager } from '../../../src/managers/systemd/manager.ts';
import { memoryHost } from '../../../src/host/memory.ts';
import type { MemoryHost, MemoryHostOptions } from '../../../src/host/memory.ts';
import { runOf } from '../../../src/plan/managers/run-of.ts';
import { machineOf, planOf } from '../../fixtures/cluster.ts';

const cgroup = { version: 'v2', hierarchies: ['/sys/fs/cgroup'] } as const;
const machine = machineOf(planOf({ spec: { manager: 'systemd' } }));
const unit = `systemd-nspawn@${machine.name}.service`;
const slice = `/machine.slice/${unit}/payload/init.scope`;

const running = {
  '/proc/sys/kernel/random/boot_id': 'boot\n',
  '/proc/102/stat': `102 (systemd) S ${'0 '.repeat(18)}99 0`,
  '/proc/102/cgroup': `0::${slice}\n`,
};

describe('leader', () => {
  it('is asked of systemd-machined once and then looked up', async () => {
    const host = hostWith({ files: running, answers: { 'machinectl show': { stdout: '102\n' } } });
    const manager = systemdManager(host, cgroup);
    expect(await manager.leader(machine)).toBe(102);
    expect(await manager.leader(machine)).toBe(102);
    expect(host.commands).toEqual([
      ['machinectl', 'show', '--property=Leader', '--value', '--', machine.name],
    ]);
    host.files.delete('/proc/102/stat');
    host.files.set('/proc/103/stat', { content: running['/proc/102/stat'], mode: 0o444 });
    expect(await manager.leader(machine)).toBeUndefined();
    expect(host.commands).toHaveLength(2);
  });

  it('is nobody when no such machine is known', async () => {
    const host = hostWith({ answers: { 'machinectl show': { exitCode: 1, stderr: 'No machine known' } } });
    expect(await systemdManager(host, cgroup).leader(machine)).toBeUndefined();
  });
});

describe('run', () => {
  it('enters the cgroup and the namespaces of the machine', async () => {
    const host = hostWith({ files: running, answers: { 'machinectl show': { stdout: '102\n' }, sh: {} } });
    await systemdManager(host, cgroup).run(machine, ['hostname']);
    const command = host.commands.at(-1)?.join(' ') ?? '';
    expect(command).toContain(`/sys/fs/cgroup${slice}/cgroup.procs nsenter --target=102 `);
    expect(command.endsWith(' hostname')).toBe(true);
  });

  it('says how to look further when the machine does not run', async () => {
    const host = hostWith({
      answers: { 'machinectl show': { exitCode: 1 }, journalctl: { stdout: 'no such bridge' } },
    });
    await expect(systemdManager(host, cgroup).run(machine, ['true'])).rejects.toMatchObject({
      message: expect.stringContaining('does not run') as string,
      details: ['no such bridge'],
      hint: expect.stringContaining(`machinectl start ${machine.name}`) as string,
    });
  });
});

describe('start', () => {
  it('has systemd read its files first', async () => {
    const host = hostWith({ answers: { 'machinectl show': { exitCode: 1 }, systemctl: {} } });
    await systemdManager(host, cgroup).start(machine);
    expect(host.commands.slice(1)).toEqual([
      ['systemctl', 'daemon-reload'],
      ['systemctl', 'start', '--', unit],
    ]);
  });

  it('leaves a machine that runs alone', async () => {
    const host = hostWith({ files: running, answers: { 'machinectl show': { stdout: '102\n' } } });
    await systemdManager(host, cgroup).start(machine);
    expect(host.commands).toHaveLength(1);
  });

  it('tells what the machine said when it does not start', async () => {
    const host = hostWith({
      answers: {
        'machinectl show': { exitCode: 1 },
        'systemctl daemon-reload': {},
        'systemctl start': { exitCode: 1, stderr: 'Job failed' },
        journalctl: { stdout: 'no such bridge' },
      },
    });
    await expect(systemdManager(host, cgroup).start(machine)).rejects.toMatchObject({
      message: expect.stringContaining('did not start') as string,
      details: ['no such bridge'],
    });
  });
});

describe('destroy', () => {
  it('asks for the stop before it kills, and takes away all that was written', async () => {
    const host = hostWith({ answers: { systemctl: {}, stat: { stdout: '66:12' }, rmdir: {} } });
    await systemdManager(host, cgroup).writeFiles(machine);
    await host.writeFile('/run/systemd/nspawn/locks/inode-66:12', '', 0o600);
    await host.writeFile(`${machine.folder}/upper/x`, '', 0o600);
    await systemdManager(host, cgroup).destroy(machine);
    expect(host.commands.filter(([program]) => program === 'systemctl').slice(0, 3)).toEqual([
      ['systemctl', 'stop', '--no-block', '--', unit],
      ['systemctl', 'kill', '--signal=SIGKILL', '--', unit],
      ['systemctl', 'stop', '--', unit],
    ]);
    expect([...host.files.keys()]).toEqual([]);
  });
});

describe('writeHostFiles', () => {
  it('does not touch a file of somebody else, nor anything beside it', async () => {
    const { files } = runOf(machine, 'systemd');
    const path = `/etc/systemd/nspawn/${machine.name}.nspawn`;
    const host = hostWith({ files: { [path]: '[Exec]\nBoot=yes\n' } });
    await expect(writeHostFiles(host, files)).rejects.toThrow(`${path} exists`);
    expect([...host.files.keys()]).toEqual([path]);
  });
});

function hostWith(options: MemoryHostOptions): MemoryHost {
  return memoryHost(options);
}
