import type { Step } from '../apply/runner.ts';
import { CommandError, KnestError } from '../errors.ts';
import type { MachineManager } from '../managers/types.ts';
import { readFailure } from '../observe/units.ts';
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
        try {
          // starting a unit that is being started waits until it has been, and tells how that ended
          await manager.run(machine, ['systemctl', 'start', manifestsUnit], { timeout, signal });
        } catch (error) {
          if (!(error instanceof CommandError)) throw error;
          const { reason, lines } = await readFailure(manager, machine, manifestsUnit, 5);
          throw new KnestError(`not all manifests were taken${reason === undefined ? '' : `: ${reason}`}`, {
            code: 'MANIFESTS_NOT_APPLIED',
            details: lines,
            hint: `see more: knest logs ${machine.name} -u ${manifestsUnit}`,
            cause: error,
          });
        }
      },
    }));
}
