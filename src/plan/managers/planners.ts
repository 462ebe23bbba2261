import { KnestError } from '../../errors.ts';
import type { ManagerName } from '../types.ts';
import { directPlanner } from './direct/planner.ts';
import { systemdPlanner } from './systemd/planner.ts';
import type { ManagerPlanner, ManagerPlanners } from './types.ts';

/** Every manager that knest has. With the host's systemd machines are there again after a reboot: it is asked first. */
export const managerPlanners: ManagerPlanners = { systemd: systemdPlanner, direct: directPlanner };

/** @throws KnestError for the manager of a plan that a knest with other managers has made */
export function plannerOf(name: ManagerName, planners: ManagerPlanners): ManagerPlanner {
  const known: Partial<Record<string, ManagerPlanner>> = planners;
  const planner = known[name];
  if (planner) return planner;
  throw new KnestError(`this knest has no manager "${name}" of machines`, {
    code: 'RECORD_TOO_NEW',
    hint: `it has: ${Object.keys(planners).join(', ')}; use the knest that made the cluster`,
  });
}
