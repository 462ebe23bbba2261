import { CommandError, KnestError, tail } from '../../errors.ts';
import type { CgroupFacts } from '../../facts/types.ts';
import { identifyProcess, isAlive } from '../../host/process.ts';
import type { ProcessIdentity } from '../../host/process.ts';
import type { Host } from '../../host/types.ts';
import { machineUnit, propertyFolders } from '../../plan/managers/systemd/names.ts';
import { runOf } from '../../plan/managers/run-of.ts';
import type { MachinePlan, SystemdRun } from '../../plan/types.ts';
import { removeCgroupsCommand } from '../../tools/cgroup.ts';
import { unitJournalCommand } from '../../tools/journalctl.ts';
import { machineLeaderCommand, parseLeader } from '../../tools/machinectl.ts';
import {
  daemonReloadCommand,
  killUnitCommand,
  resetFailedCommand,
  startUnitsCommand,
  stopUnitsCommand,
} from '../../tools/systemctl.ts';
import { nspawnLock, removeTraces } from '../nspawn-traces.ts';
import { entering } from '../enter.ts';
import type { MachineManager } from '../types.ts';
import { removeHostFiles, writeHostFiles } from './host-files.ts';
import { systemdHost } from './host.ts';

/** Milliseconds; systemd's own time-outs (TimeoutStartSec=, TimeoutStopSec=) come first. */
const patience = 120_000;

/** Machines that the host's own systemd runs, as `machinectl start` and `machinectl poweroff` do it. */
export function systemdManager(host: Host, cgroup: CgroupFacts): MachineManager {
  const known = new Map<string, ProcessIdentity>();

  /** Asking systemd-machined takes a program; a leader once seen is looked up in /proc. */
  const leader = async ({ name }: MachinePlan): Promise<number | undefined> => {
    const seen = known.get(name);
    if (seen && (await isAlive(host, seen))) return seen.pid;
    known.delete(name);
    const { exitCode, stdout } = await host.run(machineLeaderCommand(name), { okExitCodes: 'any' });
    const pid = exitCode === 0 ? parseLeader(stdout) : undefined;
    const identity = pid === undefined ? undefined : await identifyProcess(host, pid);
    if (identity) known.set(name, identity);
    return identity?.pid;
  };

  const consoleTail = async ({ name }: MachinePlan): Promise<string[]> => {
    const argv = unitJournalCommand(machineUnit(name), 10);
    const { stdout } = await host.run(argv, { okExitCodes: 'any', timeout: 60_000 });
    return tail(stdout, 10);
  };

  const hint = ({ name }: MachinePlan): string =>
    `systemctl status ${machineUnit(name)}; start it: machinectl start ${name}`;

  return {
    leader,
    consoleTail,
    ...entering(host, cgroup, { leader, consoleTail }, hint),
    start: async (machine, signal) => {
      if ((await leader(machine)) !== undefined) return;
      await startMachine(host, machine, consoleTail, signal);
    },
    stop: async (machine) => {
      // as poweroff, but systemd knows that it is wanted, waits, and ends hard what does not end in time
      await host.run(stopUnitsCommand([systemdRun(machine).unit]), { timeout: patience });
    },
    // the machine's unit runs the new commands at its next start
    catchUp: () => Promise.resolve(),
    releaseRoot: async (machine) => {
      await host.run(stopUnitsCommand([systemdRun(machine).mount]), { okExitCodes: 'any' });
    },
    destroy: (machine) => destroyMachine(host, machine),
    writeFiles: (machine) => writeHostFiles(host, systemdRun(machine).files),
    // the weights of units are the host's: none is planned
    boost: () => Promise.resolve(),
    unboost: () => Promise.resolve(),
    ...systemdHost(host),
  };
}

function systemdRun(machine: MachinePlan): SystemdRun {
  return runOf(machine, 'systemd');
}

async function startMachine(
  host: Host,
  machine: MachinePlan,
  consoleTail: MachineManager['consoleTail'],
  signal?: AbortSignal,
): Promise<void> {
  const { unit } = systemdRun(machine);
  await host.run(daemonReloadCommand());
  try {
    await host.run(startUnitsCommand([unit]), {
      timeout: patience,
      ...(signal === undefined ? {} : { signal }),
    });
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    const words = await consoleTail(machine);
    throw new KnestError(`machine ${machine.name} did not start on ${host.name}: ${unit}`, {
      code: 'MACHINE_FAILED',
      details: words.length > 0 ? words : error.details,
      hint: `see more: systemctl status ${unit}; journalctl -u ${unit}`,
      cause: error,
    });
  }
}

async function destroyMachine(host: Host, machine: MachinePlan): Promise<void> {
  const { unit, mount, files, cgroups, traces } = systemdRun(machine);
  const quietly = { okExitCodes: 'any', timeout: patience } as const;
  // tell systemd first that the unit shall stop: otherwise Restart= would start it again after the kill
  await host.run(stopUnitsCommand([unit], { wait: false }), quietly);
  await host.run(killUnitCommand(unit), quietly);
  await host.run(stopUnitsCommand([unit]), quietly);
  const lock = await nspawnLock(host, machine.root);
  await host.run(stopUnitsCommand([mount]), quietly);
  if (cgroups.length > 0) await host.run(removeCgroupsCommand(cgroups), quietly);
  await removeHostFiles(host, files);
  await host.run(daemonReloadCommand());
  await host.run(resetFailedCommand([unit, mount]), quietly);
  await removeTraces(host, [...traces, ...lock]);
  // systemctl set-property makes these folders with its first file in them
  await host.run(['rmdir', '--', ...propertyFolders], quietly);
  await host.remove(machine.folder);
}
