import type { MachineManager } from '../managers/types.ts';
import type { MachinePlan } from '../plan/types.ts';
import { findAddressCommand, parseAddresses } from '../tools/ip.ts';

/** Whether a machine that runs holds an address now: control planes hold that of the API in turn. */
export async function holdsAddress(
  manager: MachineManager,
  machine: MachinePlan,
  address: string,
  timeout = 5_000,
): Promise<boolean> {
  const { stdout } = await manager.run(machine, findAddressCommand(address), { timeout });
  return parseAddresses(stdout).some(({ addresses }) => addresses.length > 0);
}
