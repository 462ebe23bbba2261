import type { MachineManager } from '../../managers/types.ts';
import type { Step } from '../../apply/runner.ts';
import { CommandError, KnestError, tail } from '../../errors.ts';
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
  try {
    await manager.run(machine, ['systemctl', 'start', preloadUnit], { timeout, signal });
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    const journal = ['journalctl', '--no-pager', '--output=cat', `--unit=${preloadUnit}`, '--lines=10'];
    const { stdout } = await manager.run(machine, journal, { okExitCodes: 'any' });
    throw new KnestError(`${machine.name} did not get the images that it should come with`, {
      code: 'IMAGES_NOT_LOADED',
      details: tail(stdout, 10),
      hint: `see more: knest logs ${machine.name} -u ${preloadUnit}`,
      cause: error,
    });
  }
}
