/**
 * A server of its own in a virtual machine: Debian's kernel with modules, cgroup v2, AppArmor, systemd as process 1.
 * What a test bed cannot play, as its kernel and its cgroups are those of the real host.
 */

import { spawn } from 'node:child_process';
import { access, constants, mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';

import { printableCommand } from '../../../src/errors.ts';
import { run, succeeded } from '../../e2e/support/cli.ts';
import type { Outcome, RunOptions } from '../../e2e/support/cli.ts';
import { eventually } from '../../e2e/support/eventually.ts';
import { knestDisk, vmImage } from './image.ts';

export interface Vm {
  /** How many times slower than a real machine it may be: without KVM every instruction is translated. */
  slowness: number;
  /** Runs a program as root in it. Nothing is thrown. */
  run: (argv: readonly string[], options?: RunOptions) => Promise<Outcome>;
  /** The same; fails unless it exits 0. Gives stdout. */
  ok: (argv: readonly string[], options?: RunOptions) => Promise<string>;
  /** As an administrator reboots a server; returns when it is up again. */
  reboot: () => Promise<void>;
  /** Ends it and takes away everything that it was. */
  stop: () => Promise<void>;
}

/**
 * Boots a server. It has no network but a way in: knest must do without.
 * @param files more files for it: path below /opt/knest -> path here
 */
export async function startVm(files: Readonly<Record<string, string>> = {}): Promise<Vm> {
  const image = await vmImage();
  const accelerator = await chooseAccelerator();
  const slowness = accelerator === 'kvm' ? 1 : 40;
  const folder = await mkdtemp('/var/tmp/knest-vm-');
  const port = await freePort();
  await knestDisk(join(folder, 'knest'), files);
  const qemu = [
    'qemu-system-x86_64',
    ...['-accel', accelerator === 'kvm' ? 'kvm' : 'tcg,thread=multi,tb-size=1024', '-cpu', 'max'],
    ...['-smp', '2', '-m', '6144', '-nodefaults', '-no-user-config', '-display', 'none'],
    ...['-kernel', image.kernel, '-initrd', image.initrd],
    ...['-append', 'root=/dev/vda rw console=ttyS0 quiet'],
    // what is written is gone with the process, and survives reboots until then
    ...['-drive', `file=${image.disk},if=virtio,format=raw,snapshot=on,cache=unsafe`],
    ...['-drive', `file=${folder}/knest,if=virtio,format=raw,readonly=on`],
    ...['-serial', `file:${folder}/console`, '-device', 'virtio-rng-pci'],
    ...['-netdev', `user,id=lan,restrict=on,hostfwd=tcp:127.0.0.1:${port}-:22`],
    ...['-device', 'virtio-net-pci,netdev=lan,romfile='],
  ];
  // others need this machine, too; and it ends with this process
  const argv = ['--pdeathsig', 'KILL', '--', 'nice', '-n', '19', ...qemu];
  const env = { ...process.env, TMPDIR: folder };
  const child = spawn('setpriv', argv, { env, stdio: ['ignore', 'ignore', 'inherit'] });
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => {
      resolve();
    });
  });

  const ssh = [
    ...['ssh', '-q', '-i', image.key, '-p', String(port), '-o', 'ConnectTimeout=60', '-o', 'BatchMode=yes'],
    ...['-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null', '-o', 'IdentitiesOnly=yes'],
    ...['-o', 'ControlMaster=auto', '-o', `ControlPath=${folder}/ssh`, '-o', 'ControlPersist=yes'],
    ...['-o', 'ServerAliveInterval=60', '-o', 'ServerAliveCountMax=10', 'root@127.0.0.1'],
  ];
  const inVm: Vm['run'] = (command, options) =>
    run([...ssh, printableCommand(command)], { timeout: 60 * 60_000, ...options });
  const ok: Vm['ok'] = async (command, options) => succeeded(command, await inVm(command, options)).stdout;
  const disconnect = (): Promise<Outcome> => run([...ssh.slice(0, -1), '-O', 'exit', 'root@127.0.0.1']);
  const isUp = (): Promise<void> =>
    eventually(
      'the virtual machine is up',
      async () => {
        if (child.exitCode !== null) throw new Error(`QEMU has ended with ${child.exitCode}`);
        const { stdout } = await inVm(['systemctl', 'is-system-running', '--wait']);
        if (!['running', 'degraded'].includes(stdout)) throw new Error(`it is ${stdout || 'not there yet'}`);
      },
      30_000 * slowness,
    );
  const bootId = (): Promise<string> => ok(['cat', '/proc/sys/kernel/random/boot_id']);

  const stop = async (): Promise<void> => {
    await disconnect();
    child.kill('SIGKILL');
    await ended;
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await isUp();
  } catch (error) {
    const log = await readFile(join(folder, 'console'), 'utf8').catch(() => '');
    await stop();
    throw new Error(`${String(error)}\n${log.slice(-4000)}`, { cause: error });
  }
  return {
    slowness,
    run: inVm,
    ok,
    reboot: async () => {
      const before = await bootId();
      await inVm(['systemctl', 'reboot']);
      await disconnect();
      await eventually(
        'the virtual machine has rebooted',
        async () => {
          if ((await bootId()) === before) throw new Error('it still runs');
        },
        60_000 * slowness,
      );
      await isUp();
    },
    stop,
  };
}

/** KNEST_VM_ACCEL wins: a /dev/kvm that is there need not be one that works. */
async function chooseAccelerator(): Promise<'kvm' | 'tcg'> {
  const wish = process.env['KNEST_VM_ACCEL'];
  if (wish === 'kvm' || wish === 'tcg') return wish;
  const usable = await access('/dev/kvm', constants.R_OK | constants.W_OK).then(
    () => true,
    () => false,
  );
  return usable ? 'kvm' : 'tcg';
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
}
