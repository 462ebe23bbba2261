import type { ManagerName } from '../types.ts';

/** What a manager has planned for a machine or a host. Its own only: that of another one is a mistake of the caller. */
export function runOf<Run extends { manager: ManagerName }, Name extends Run['manager']>(
  { run }: { run: Run },
  manager: Name,
): Extract<Run, { manager: Name }> {
  if (isOf(run, manager)) return run;
  throw new Error(`this was planned for the manager "${run.manager}" and not for "${manager}"`);
}

function isOf<Run extends { manager: ManagerName }, Name extends Run['manager']>(
  run: Run,
  manager: Name,
): run is Extract<Run, { manager: Name }> {
  return run.manager === manager;
}
