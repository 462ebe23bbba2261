import type { Host } from '../../host/types.ts';
import type { HostUnits } from '../../plan/types.ts';
import {
  daemonReloadCommand,
  reloadOrRestartCommand,
  startAloneCommand,
  stopUnitsCommand,
} from '../../tools/systemctl.ts';
import { reloadNetworkdCommand } from '../../tools/networkctl.ts';
import { runCommands } from '../commands.ts';
import { removeHostFiles, writeHostFiles } from './host-files.ts';

/** Writes a cluster's units and starts its network. The target is active from then on and holds what is started. */
export async function startHostUnits(host: Host, units: HostUnits): Promise<void> {
  await writeHostFiles(host, units.files);
  await host.run(daemonReloadCommand());
  // a host without systemd-networkd has nothing to tell it
  await host.run(reloadNetworkdCommand(), { okExitCodes: 'any' });
  await runCommands(host, units.reload ?? []);
  await host.run(reloadOrRestartCommand(units.network));
  // alone: its machines are started one by one, when their files are written
  await host.run(startAloneCommand(units.target));
}

/** Takes them away, whatever state they are in; the machines are gone already. */
export async function removeHostUnits(host: Host, units: HostUnits): Promise<void> {
  await host.run(stopUnitsCommand([units.target, units.network]), { okExitCodes: 'any' });
  await removeHostFiles(host, units.files);
  await host.run(daemonReloadCommand());
  await host.run(reloadNetworkdCommand(), { okExitCodes: 'any' });
  await runCommands(host, units.reload ?? []);
}
