import type { MachineManager } from '../../managers/types.ts';
import type { Step } from '../../apply/runner.ts';
import { withReason } from '../../managers/unit-failure.ts';
import { preloadUnit } from '../../plan/components/preloaded-images.ts';
import type { MachinePlan } from '../../plan/types.ts';

/** Waits until nodes that come with images have them in containerd; no step where there are none. */
export function preloadSteps(
  manager: MachineManager,
  machines: readonly MachinePlan[],
  timeout: number,
): Step[] {
  const waiting = machines.filter(({ units }) => units.some(({ name }) => name === preloadUnit));
  if (waiting.length === 0) return [];
  return [
    {
      id: 'images',
      title: 'Images of the nodes',
      run: async ({ signal }) => {
        await Promise.all(waiting.map((machine) => waitForUnit(manager, machine, timeout, signal)));
      },
    },
  ];
}

/** systemctl(1): starting a unit that is being started waits until it has been, and tells how that ended. */
async function waitForUnit(
  manager: MachineManager,
  machine: MachinePlan,
  timeout: number,
  signal: AbortSignal,
): Promise<void> {
  const command = ['systemctl', 'start', preloadUnit];
  await withReason(manager, machine, preloadUnit, () => manager.run(machine, command, { timeout, signal }), {
    code: 'IMAGES_NOT_LOADED',
    says: `${machine.name} did not get the images that it should come with`,
  });
}
