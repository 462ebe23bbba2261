import { setTimeout as sleep } from 'node:timers/promises';

import { KnestError, tail } from '../../errors.ts';
import type { CgroupFacts } from '../../facts/types.ts';
import { isAlive, parseIdentity, readProcess } from '../../host/process.ts';
import type { ProcessIdentity } from '../../host/process.ts';
import type { Host } from '../../host/types.ts';
import { nspawnPlaces, socketsFolder } from '../../plan/managers/nspawn-paths.ts';
import { runOf } from '../../plan/managers/run-of.ts';
import type { DirectRun, MachinePlan, PlannedCommand } from '../../plan/types.ts';
import { removeCgroupsCommand } from '../../tools/cgroup.ts';
import { deleteLinkCommand } from '../../tools/ip.ts';
import { runCommands } from '../commands.ts';
import { nspawnLock, removeTraces, unmountBelow } from '../nspawn-traces.ts';
import { entering } from '../enter.ts';
import type { MachineManager } from '../types.ts';
import { directHost } from './host.ts';

/** systemd-nspawn is up to process 1 in 50 ms on an idle machine; a busy one gets its time. */
const startTimeout = 120_000;
const killTimeout = 60_000;
/** Units get 10 s each (DefaultTimeoutStopSec), and pods' processes are ended after the units. */
const stopTimeout = 45_000;

/** Machines on a host whose process 1 is not systemd: started detached by their launch script, found by pid file. */
export function directManager(host: Host, cgroup: CgroupFacts): MachineManager {
  const leader = (machine: MachinePlan): Promise<number | undefined> => findLeader(host, machine);

  const consoleTail = async (machine: MachinePlan): Promise<string[]> =>
    tail((await host.readFile(directRun(machine).logFile)) ?? '', 10);

  return {
    leader,
    consoleTail,
    ...entering(
      host,
      cgroup,
      { leader, consoleTail },
      (machine) => `its console: ${directRun(machine).logFile}`,
    ),
    start: (machine, signal) => startMachine(host, machine, signal),
    stop: (machine) => stopMachine(host, machine),
    destroy: (machine) => destroyMachine(host, machine),
    writeFiles: async (machine) => {
      const { path, script } = directRun(machine);
      await host.writeFile(path, script, 0o755);
    },
    catchUp: async (before, after) => {
      const known = new Set(directRun(before).started.map((command) => JSON.stringify(command)));
      const fresh = directRun(after).started.filter((command) => !known.has(JSON.stringify(command)));
      await runCommands(host, fresh);
    },
    // stopping has unmounted it
    releaseRoot: () => Promise.resolve(),
    boost: (machine) => runCommands(host, boostCommands(machine, 'more')),
    unboost: (machine) => runCommands(host, boostCommands(machine, 'usual')),
    ...directHost(host),
  };
}

function directRun(machine: MachinePlan): DirectRun {
  return runOf(machine, 'direct');
}

function boostCommands(machine: MachinePlan, share: 'more' | 'usual'): PlannedCommand[] {
  const { startupCpuBoost } = directRun(machine);
  return startupCpuBoost ? [startupCpuBoost[share]] : [];
}

async function startMachine(host: Host, machine: MachinePlan, signal?: AbortSignal): Promise<void> {
  const { path, logFile, started } = directRun(machine);
  if ((await findLeader(host, machine)) !== undefined) return runCommands(host, started);
  // a knest that was killed may have started the machine a moment ago
  if ((await findStarter(host, machine)) === undefined) {
    // a systemd-nspawn that was killed may have left the folder; version 256 and later must make it themselves
    await unmountBelow(host, socketsFolder(machine.name));
    // a session of its own and no open file of ours: it goes on when knest and its terminal are gone
    const detached = 'exec "$0" < /dev/null > "$1" 2>&1';
    await host.run(['setsid', '--fork', 'sh', '-c', detached, path, logFile]);
  }
  const deadline = Date.now() + startTimeout;
  let seen = false;
  for (;;) {
    signal?.throwIfAborted();
    if ((await findLeader(host, machine)) !== undefined) return runCommands(host, started);
    const starter = await findStarter(host, machine);
    const died = seen && starter === undefined;
    seen ||= starter !== undefined;
    if (died || Date.now() > deadline) {
      throw new KnestError(`machine ${machine.name} did not start on ${host.name}: ${path}`, {
        code: 'MACHINE_FAILED',
        details: tail((await host.readFile(logFile)) ?? '', 10),
        hint: `run the script by hand to see more: ${path}`,
      });
    }
    await sleep(10);
  }
}

/** SIGRTMIN+4 asks systemd for a poweroff (systemd(1), "Signals"); kill(1) of util-linux knows it by number only. */
const powerOff = '-38';

async function stopMachine(host: Host, machine: MachinePlan): Promise<void> {
  const pid = await findLeader(host, machine);
  if (pid !== undefined) await host.run(['kill', powerOff, String(pid)], { okExitCodes: 'any' });
  const deadline = Date.now() + stopTimeout;
  while ((await findStarter(host, machine)) !== undefined && Date.now() < deadline) await sleep(50);
  await clearMachine(host, machine);
}

async function destroyMachine(host: Host, machine: MachinePlan): Promise<void> {
  // The launch script writes its pid first and then checks that its own file still exists. So a script that is just
  // starting is either found below, by its pid, or gives up by itself.
  await host.remove(directRun(machine).path);
  await clearMachine(host, machine);
  await host.remove(machine.folder);
}

/** Order matters: no process, then no cgroup, then no mount, so that after a crash in between, what is left can be found. */
async function clearMachine(host: Host, machine: MachinePlan): Promise<void> {
  const { cgroups } = directRun(machine);
  const deadline = Date.now() + killTimeout;
  for (;;) {
    const [starter, pid] = [await findStarter(host, machine), await findLeader(host, machine)];
    // process 1 first: with it the kernel ends everything inside
    const pids = [pid, starter?.pid].filter((one) => one !== undefined).map(String);
    if (pids.length > 0) await host.run(['kill', '-KILL', ...pids], { okExitCodes: 'any' });
    const left = (await Promise.all(cgroups.map((group) => host.stat(group)))).filter(Boolean);
    if (left.length === 0 && pids.length === 0) break;
    // fails while processes end
    await host.run(removeCgroupsCommand(cgroups), { okExitCodes: 'any' });
    if (Date.now() > deadline) {
      throw new KnestError(`machine ${machine.name} does not end on ${host.name}`, {
        code: 'MACHINE_FAILED',
        details: cgroups.map((group) => `still there: ${group}`),
        hint: `look at the processes listed in ${cgroups[0] ?? ''}/cgroup.procs, then delete again`,
      });
    }
    await sleep(pids.length > 0 ? 20 : 5);
  }
  // the cgroup of all machines goes with the last of them
  const parents = cgroups.map((group) => group.slice(0, group.lastIndexOf('/')));
  await host.run(['rmdir', '--', ...parents], { okExitCodes: 'any' });
  // The kernel takes the machine's veth away some time after its last process, and a machine of that name could not start
  // before ("File exists"). systemd-nspawn makes a long name short and keeps the long one as an alternative.
  await host.run(deleteLinkCommand(`vb-${machine.name}`), { okExitCodes: 'any' });
  await removeRunFiles(host, machine);
  await unmountBelow(host, machine.folder);
}

/** What a systemd-nspawn that was killed leaves in /run: its lock on the root directory, and its places for mounts. */
async function removeRunFiles(host: Host, { name, root }: MachinePlan): Promise<void> {
  await removeTraces(host, [...(await nspawnLock(host, root)), ...nspawnPlaces(name)]);
}

/** The launch script, which became systemd-nspawn: same pid. */
async function findStarter(host: Host, machine: MachinePlan): Promise<ProcessIdentity | undefined> {
  const text = await host.readFile(directRun(machine).pidFile);
  const identity = text === undefined ? undefined : parseIdentity(text);
  return identity && (await isAlive(host, identity)) ? identity : undefined;
}

/** The child of systemd-nspawn that is process 1 of its own pid namespace. */
async function findLeader(host: Host, machine: MachinePlan): Promise<number | undefined> {
  const starter = await findStarter(host, machine);
  if (!starter) return undefined;
  const children = (await host.readFile(`/proc/${starter.pid}/task/${starter.pid}/children`)) ?? '';
  for (const child of children.trim().split(' ').filter(Boolean)) {
    const status = await readProcess(host, Number(child), 'status');
    if (status !== undefined && /^NSpid:.*\s1$/m.test(status)) return Number(child);
  }
  return undefined;
}
