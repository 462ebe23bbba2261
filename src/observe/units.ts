import type { MachineManager } from '../managers/types.ts';
import { readFailure } from '../managers/unit-failure.ts';
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
  // what others start when there is something to do is mostly not active, and well
  const onlyAtTimes = new Set(
    machine.units.flatMap(({ name, wantedBy }) => (wantedBy === undefined ? [name] : [])),
  );
  return parseUnitProperties(stdout).filter(
    ({ name, active }) => !onlyAtTimes.has(name) || active === 'failed',
  );
}

/** Whether a unit is in trouble rather than on its way: it failed, or was restarted and is not up. */
export function isTroubled(unit: UnitStatus): boolean {
  return unit.active === 'failed' || (unit.active !== 'active' && unit.restarts > 0);
}

/** They need no other one, so others may be in trouble because of them. */
export const independent: ReadonlySet<string> = new Set([
  'etcd.service',
  'kube-apiserver.service',
  'containerd.service',
]);

/** Units, those first that need no other one. */
export function causesFirst(units: readonly UnitStatus[]): UnitStatus[] {
  return [
    ...units.filter(({ name }) => independent.has(name)),
    ...units.filter(({ name }) => !independent.has(name)),
  ];
}

/** A unit in trouble, and why. */
export interface UnitTrouble {
  unit: string;
  /** What it says itself, in one line; undefined when it printed nothing, or nobody could be asked. */
  reason: string | undefined;
}

/** Why units are in trouble, those first that need no other one; those that are well are left out. */
export async function readTroubles(
  manager: MachineManager,
  machine: MachinePlan,
  units: readonly UnitStatus[],
): Promise<UnitTrouble[]> {
  return Promise.all(
    causesFirst(units.filter(isTroubled)).map(async ({ name }) => {
      const { reason } = await readFailure(manager, machine, name, 1).catch(() => ({ reason: undefined }));
      return { unit: name, reason };
    }),
  );
}
