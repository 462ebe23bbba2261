import { runFiles } from '../plan/managers/run-files.ts';
import type { ClusterPlan, PlannedCommand } from '../plan/types.ts';
import { appliedPlan } from './applied.ts';
import type { ClusterRecord } from './clusters.ts';

/**
 * Everything that may exist of a cluster: the wanted plan, and what has been carried out of the plan before it. Stopping
 * and deleting go by this. It is the wanted plan itself unless a change was interrupted.
 */
export function unionPlan({ plan, applied }: Pick<ClusterRecord, 'plan' | 'applied'>): ClusterPlan {
  const before = appliedPlan(applied);
  if (!before) return plan;
  const names = new Set(plan.machines.map(({ name }) => name));
  const leaving = before.machines.filter(({ name }) => !names.has(name));
  const { run } = plan.host;
  const paths = new Set(runFiles(run).map(({ path }) => path));
  const oldFiles = runFiles(before.host.run).filter(({ path }) => !paths.has(path));
  return {
    ...plan,
    machines: [...plan.machines, ...leaving],
    host: {
      ...plan.host,
      teardown: both(before.host.teardown, plan.host.teardown),
      run: 'files' in run ? { ...run, files: [...run.files, ...oldFiles] } : run,
    },
  };
}

function both(before: readonly PlannedCommand[], after: readonly PlannedCommand[]): PlannedCommand[] {
  const known = new Set(after.map((command) => JSON.stringify(command)));
  return [...before.filter((command) => !known.has(JSON.stringify(command))), ...after];
}
