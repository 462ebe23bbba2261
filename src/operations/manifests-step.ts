import type { Step } from '../apply/runner.ts';
import type { MachineManager } from '../managers/types.ts';
import { withReason } from '../managers/unit-failure.ts';
import { manifestsUnit } from '../plan/components/user-manifests.ts';
import type { MachinePlan } from '../plan/types.ts';

/** Waits until the config's manifests have been applied; no step where there are none. */
export function manifestsSteps(
  manager: MachineManager,
  machines: readonly MachinePlan[],
  timeout: number,
): Step[] {
  return machines
    .filter(({ units }) => units.some(({ name }) => name === manifestsUnit))
    .map((machine): Step => ({
      id: 'manifests',
      title: 'Manifests applied',
      run: async ({ signal }) => {
        const command = ['systemctl', 'start', manifestsUnit];
        // starting a unit that is being started waits until it has been, and tells how that ended
        const run = () => manager.run(machine, command, { timeout, signal });
        await withReason(manager, machine, manifestsUnit, run, {
          code: 'MANIFESTS_NOT_APPLIED',
          says: 'not all manifests were taken',
        });
      },
    }));
}
