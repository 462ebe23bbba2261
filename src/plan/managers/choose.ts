import { InputError } from '../../errors.ts';
import type { Problem } from '../../errors.ts';
import type { HostFacts } from '../../facts/types.ts';
import type { ClusterSpec } from '../../spec/types.ts';
import type { ManagerName } from '../types.ts';
import { managerPlanners } from './planners.ts';
import type { ManagerPlanners } from './types.ts';

/**
 * Who runs the machines: the one that was asked for, or the first that can on this host.
 * @throws InputError when none of them can, with the reason of each
 */
export function chooseManager(
  { manager: wanted }: Pick<ClusterSpec, 'manager'>,
  facts: Pick<HostFacts, 'pid1' | 'systemdVersion'>,
  planners: ManagerPlanners = managerPlanners,
): ManagerName {
  const problems: Problem[] = [];
  for (const name of namesOf(planners)) {
    if (wanted !== 'auto' && wanted !== name) continue;
    const refusal = planners[name].refusal(facts);
    if (refusal === undefined) return name;
    problems.push({ path: 'manager', ...refusal });
  }
  throw new InputError('the cluster cannot be made', problems);
}

function namesOf(planners: ManagerPlanners): ManagerName[] {
  return Object.keys(planners) as ManagerName[];
}
