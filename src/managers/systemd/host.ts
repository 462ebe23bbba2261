import type { Host } from '../../host/types.ts';
import { runOf } from '../../plan/managers/run-of.ts';
import { rulesUnit } from '../../plan/managers/systemd/names.ts';
import type { ClusterPlan, PlannedFile, SystemdHostRun } from '../../plan/types.ts';
import { reloadNetworkdCommand } from '../../tools/networkctl.ts';
import {
  daemonReloadCommand,
  reloadOrRestartCommand,
  startAloneCommand,
  startUnitsCommand,
  stopUnitsCommand,
} from '../../tools/systemctl.ts';
import { runCommands } from '../commands.ts';
import { raiseSysctls, restoreSysctls } from '../sysctls.ts';
import type { SysctlRecordPlace } from '../sysctls.ts';
import type { MachineManager } from '../types.ts';
import { removeHostFiles, writeHostFiles } from './host-files.ts';

/** The `systemd` manager's side of a host: units and kernel settings that outlive a reboot. */
export function systemdHost(
  host: Host,
): Pick<MachineManager, 'setUpHost' | 'updateHost' | 'tearDownHost' | 'afterStop'> {
  return {
    setUpHost: async (plan, folder) => {
      const { sysctls } = systemdHostRun(plan);
      await raiseSysctls(host, folder, plan.host.sysctls, recordPlace(host, sysctls));
      await startHostUnits(host, plan);
    },
    updateHost: (plan) => startHostUnits(host, plan),
    tearDownHost: async (plan, folder) => {
      const run = systemdHostRun(plan);
      await removeHostUnits(host, plan);
      // also what a host whose network unit could not be stopped still has
      await runCommands(host, plan.host.teardown);
      await restoreSysctls(host, folder, recordPlace(host, run.sysctls));
    },
    // the machine's unit has done it already (ExecStopPost=), whatever ended it; again is harmless
    afterStop: (plan) => runCommands(host, plan.host.afterStop ?? []),
  };
}

function systemdHostRun(plan: ClusterPlan): SystemdHostRun {
  return runOf(plan.host, 'systemd');
}

/**
 * The settings are in a file of the host and so outlive a reboot: what was there before them is known only from here.
 * Not in the state folder, of which there may be several.
 */
function recordPlace(host: Host, file: PlannedFile): SysctlRecordPlace {
  return {
    record: '/var/lib/knest/sysctls.json',
    file: { write: () => writeHostFiles(host, [file]), remove: () => host.remove(file.path) },
  };
}

/** Writes a cluster's units and starts its network. The target is active from then on and holds what is started. */
async function startHostUnits(host: Host, plan: ClusterPlan): Promise<void> {
  const { files, reload = [], network, target } = systemdHostRun(plan);
  await writeHostFiles(host, files);
  await host.run(daemonReloadCommand());
  // a host without systemd-networkd has nothing to tell it
  await host.run(reloadNetworkdCommand(), { okExitCodes: 'any' });
  await runCommands(host, reload);
  await host.run(reloadOrRestartCommand(network));
  // alone: its machines are started one by one, when their files are written
  await host.run(startAloneCommand(target));
  const rules = rulesUnit(plan.cluster);
  // plans of earlier versions have none
  if (files.some(({ path }) => path.endsWith(`/${rules}`))) await host.run(startUnitsCommand([rules]));
}

/** Takes them away, whatever state they are in; the machines are gone already. */
async function removeHostUnits(host: Host, plan: ClusterPlan): Promise<void> {
  const { files, reload = [], network, target } = systemdHostRun(plan);
  await host.run(stopUnitsCommand([target, rulesUnit(plan.cluster), network]), { okExitCodes: 'any' });
  await removeHostFiles(host, files);
  await host.run(daemonReloadCommand());
  await host.run(reloadNetworkdCommand(), { okExitCodes: 'any' });
  await runCommands(host, reload);
}
