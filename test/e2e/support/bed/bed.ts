/**
 * A test bed: a machine that plays the user's server, with systemd as process 1, on hosts whose own is another one.
 * knest's build and its layers are bound in read-only, so nothing is compiled again. It is connected to a LAN of its
 * own (192.168.55.0/24, link eno1), a network namespace in which `lan` runs programs: a third party, on no cluster.
 */

import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { raiseSysctls, restoreSysctls } from '../../../../src/managers/sysctls.ts';
import { localHost } from '../../../../src/host/local.ts';
import { gatherFacts } from '../../../../src/observe/host/gather.ts';
import { planSysctls } from '../../../../src/plan/sysctls.ts';
import { pathsFromEnvironment } from '../../../../src/workstation/paths.ts';
import { cgroupProcsFiles, removeCgroupsCommand } from '../../../../src/tools/cgroup.ts';
import { enterMachineCommand } from '../../../../src/tools/nsenter.ts';
import { run, succeeded } from '../cli.ts';
import type { Outcome, RunOptions } from '../cli.ts';
import { eventually } from '../eventually.ts';
import { bedImage } from './image.ts';
import type { BedSuite } from './image.ts';
import { launcher } from './launcher.ts';

export type { BedSuite } from './image.ts';

export interface Bed {
  readonly suite: BedSuite;
  /** Its root file system as it was made; other beds stand on it as well. */
  readonly image: string;
  /** Runs a program as root of the bed. Nothing is thrown. */
  run: (argv: readonly string[], options?: RunOptions) => Promise<Outcome>;
  /** The same; fails unless it exits 0. Gives stdout. */
  ok: (argv: readonly string[], options?: RunOptions) => Promise<string>;
  /** The command on the real host that runs a program in the bed, until it is rebooted: for terminals. */
  command: (argv: readonly string[]) => Promise<string[]>;
  /** The command on the real host that runs a program on the bed's LAN, outside of the bed. */
  lanCommand: (argv: readonly string[]) => string[];
  /** Runs a program there. */
  lan: (argv: readonly string[], options?: RunOptions) => Promise<Outcome>;
  /** As an administrator reboots a server; returns when it is up again. */
  reboot: () => Promise<void>;
  /** Ends it and takes away everything that it was. */
  stop: () => Promise<void>;
}

export interface BedOptions {
  suite: BedSuite;
  /** More of the real host's files, read-only: path in the bed -> path here. */
  share?: Readonly<Record<string, string>>;
  /** More of Debian's packages. */
  packages?: readonly string[];
}

/** Boots a test bed. Needs root. What was made is gone again when it does not come up. */
export async function startBed({ suite, share = {}, packages }: BedOptions): Promise<Bed> {
  const image = await bedImage(suite, packages);
  const folder = await mkdtemp('/var/tmp/knest-bed-');
  const host = localHost();
  const paths = pathsFromEnvironment(process.env);
  const facts = await gatherFacts(host, paths);
  const name = `bed-${suite}-${randomBytes(3).toString('hex')}`;
  const groups = facts.cgroup.hierarchies.map((hierarchy) => `${hierarchy}/knest-bed/${name}`);
  for (const part of ['root', 'upper', 'work', 'knest']) {
    await mkdir(join(folder, part));
    // one becomes the bed's /: whatever the umask, others than root live there as well
    await chmod(join(folder, part), 0o755);
  }
  const binds = {
    '/usr/local/bin/node': process.execPath,
    '/opt/knest/package.json': projectFile('package.json'),
    '/opt/knest/dist': projectFile('dist'),
    '/opt/knest/assets': projectFile('assets'),
    '/var/cache/knest/layers': `${paths.cache}/layers`,
    ...share,
  };
  await writeFile(
    join(folder, 'launch'),
    launcher({ name, folder, image, binds, hierarchies: facts.cgroup.hierarchies, groups }),
    { mode: 0o755 },
  );
  // Of the kernel's settings only those of the network are the bed's own. The others are raised here as for a
  // cluster, so that a knest in the bed finds them as they must be and changes nothing of the real host.
  await raiseSysctls(host, folder, planSysctls(facts, { ipFamily: 'ipv4', mode: 'bridge' }));

  // ends with this process, and with it everything in its pid namespace: all of the bed
  const own = ['--mount', '--net', '--pid', '--fork', '--kill-child', '--mount-proc'];
  const argv = ['--pdeathsig', 'KILL', '--', 'unshare', ...own, '--', 'sh', join(folder, 'launch')];
  const process_ = spawn('setpriv', argv, { stdio: 'ignore' });
  const ended = new Promise<void>((resolve) => {
    process_.once('exit', () => {
      resolve();
    });
  });

  const enter = async (argv: readonly string[]): Promise<string[]> => {
    const pid = await leader(process_.pid);
    const text = await readFile(`/proc/${pid}/cgroup`, 'utf8');
    const plain = ['env', '--unset=KUBECONFIG', ...argv];
    return enterMachineCommand(pid, cgroupProcsFiles(text, facts.cgroup), plain);
  };
  const inBed: Bed['run'] = async (argv, options) => run(await enter(argv), options);
  const ok: Bed['ok'] = async (argv, options) => succeeded(argv, await inBed(argv, options)).stdout;
  const isUp = (): Promise<void> =>
    eventually(
      `${name} is up`,
      async () => {
        const { stdout } = await inBed(['systemctl', 'is-system-running']);
        if (!['running', 'degraded'].includes(stdout)) throw new Error(`it is ${stdout || 'not there yet'}`);
      },
      60_000,
    );

  const stop = async (): Promise<void> => {
    process_.kill('SIGKILL');
    await ended;
    // unshare(1) is gone at once, the rest a moment later
    await removeGroups(groups);
    await restoreSysctls(host, folder);
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await isUp();
  } catch (error) {
    const log = await readFile(join(folder, 'log'), 'utf8').catch(() => '');
    await stop();
    throw new Error(`${String(error)}\n${log.slice(-4000)}`, { cause: error });
  }
  const lanCommand: Bed['lanCommand'] = (argv) => [
    ...['nsenter', `--target=${process_.pid}`, '--net', '--'],
    ...argv,
  ];
  return {
    suite,
    image,
    run: inBed,
    ok,
    command: enter,
    lanCommand,
    lan: (argv, options) => run(lanCommand(argv), options),
    reboot: async () => {
      const before = await leader(process_.pid);
      await ok(['systemctl', 'reboot']);
      await eventually(
        `${name} has ended`,
        async () => {
          if ((await leader(process_.pid).catch(() => undefined)) === before)
            throw new Error('it still runs');
        },
        120_000,
      );
      await isUp();
    },
    stop,
  };
}

function projectFile(path: string): string {
  return fileURLToPath(new URL(`../../../../${path}`, import.meta.url));
}

/** The bed's process 1: unshare(1) has started the launcher, that systemd-nspawn, and that the bed. */
async function leader(unshare: number | undefined): Promise<number> {
  if (unshare === undefined) throw new Error('the bed could not be started');
  for (const launcher of await childrenOf(unshare)) {
    for (const child of await childrenOf(launcher)) {
      const command = await readFile(`/proc/${child}/comm`, 'utf8');
      if (command !== 'systemd-nspawn\n') continue;
      for (const grandchild of await childrenOf(child)) {
        const status = await readFile(`/proc/${grandchild}/status`, 'utf8');
        if (/^NSpid:.*\s1$/m.test(status)) return grandchild;
      }
    }
  }
  throw new Error('systemd-nspawn has no process 1 yet');
}

async function childrenOf(pid: number): Promise<number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return text.trim().split(' ').filter(Boolean).map(Number);
}

/** Processes end in the background: until they have, their cgroups stay. */
async function removeGroups(groups: readonly string[]): Promise<void> {
  const host = localHost();
  await eventually("the bed's cgroups are gone", async () => {
    await run(removeCgroupsCommand(groups));
    const left = (await Promise.all(groups.map((group) => host.stat(group)))).filter(Boolean);
    if (left.length > 0) throw new Error(`${left.length} of them are still there`);
  });
  await run(['rmdir', ...groups.map((group) => group.slice(0, group.lastIndexOf('/')))]);
}
