import type { MachineManager } from '../managers/types.ts';
import { failureReason, withoutDumps } from '../formats/failure-reason.ts';
import type { MachinePlan } from '../plan/types.ts';
import { parseUnitProperties, showUnitsCommand } from '../tools/systemctl.ts';
import type { UnitStatus } from '../tools/systemctl.ts';

/** State of the units that knest wrote for a machine; asks systemd inside. */
export async function readUnits(
  manager: MachineManager,
  machine: MachinePlan,
  timeout = 10_000,
): Promise<UnitStatus[]> {
  const names = machine.units.map(({ name }) => name);
  const { stdout } = await manager.run(machine, showUnitsCommand(names), { timeout });
  return parseUnitProperties(stdout);
}

/** The line that says why may be above the stacks of some hundred goroutines. */
const journalLines = 2000;

/** Why a unit is in trouble, and the last lines of its journal without dumps. */
export async function readFailure(
  manager: MachineManager,
  machine: MachinePlan,
  unit: string,
  lines: number,
): Promise<{ reason: string | undefined; lines: string[] }> {
  const argv = ['journalctl', '--no-pager', '--output=cat', `--unit=${unit}`, `--lines=${journalLines}`];
  const { stdout } = await manager.run(machine, argv, { okExitCodes: 'any', timeout: 10_000 });
  const journal = stdout.split('\n');
  return { reason: failureReason(journal), lines: withoutDumps(journal).slice(-lines) };
}

/** Whether a unit is in trouble rather than on its way: it failed, or was restarted and is not up. */
export function isTroubled(unit: UnitStatus): boolean {
  return unit.active === 'failed' || (unit.active !== 'active' && unit.restarts > 0);
}
