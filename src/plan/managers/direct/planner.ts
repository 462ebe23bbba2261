import type { ManagerPlanner } from '../types.ts';
import { planLaunch } from './launch.ts';

/** knest starts the machines itself, on any host; they do not outlive a reboot. */
export const directPlanner: ManagerPlanner = {
  refusal: () => undefined,
  lastingSysctls: false,
  machineRoot: (_name, folder) => `${folder}/root`,
  planMachine: planLaunch,
  planHost: () => ({ manager: 'direct' }),
};
