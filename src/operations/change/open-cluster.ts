import { quorumOf } from '../../clients/etcd/quorum.ts';
import { diffPlans, isEmpty, renewedByPlan } from '../../diff/diff-plans.ts';
import { diffFromEither } from '../../diff/from-either.ts';
import type { ClusterChanges, MachineDifference } from '../../diff/types.ts';
import type { MachineManager } from '../../managers/types.ts';
import type { KeyMaterial } from '../../pki/issue.ts';
import { controlPlanesOf } from '../../plan/control-planes.ts';
import type { ClusterPlan, MachinePlan } from '../../plan/types.ts';
import { appliedPlan, renewedKeys } from '../../state/applied.ts';
import type { Applied } from '../../state/applied.ts';
import type { ClusterRecord } from '../../state/clusters.ts';
import type { Session } from '../session.ts';

/** A cluster whose lock is held. */
export interface OpenCluster {
  session: Session;
  manager: MachineManager;
  material: KeyMaterial;
  record: ClusterRecord;
}

/** What an interrupted change has left to do; undefined: nothing. A cluster that is half made is for create to finish. */
export function unfinishedChange({
  record: { created, plan, applied },
  material,
}: Pick<OpenCluster, 'record' | 'material'>): ClusterChanges | undefined {
  if (created === undefined || !appliedPlan(applied)) return undefined;
  const changes = changesTo(plan, applied, material);
  return isEmpty(changes) ? undefined : changes;
}

/**
 * The difference between what has been carried out of a cluster and a plan, changes that were interrupted included.
 * @param planned the plan's certificates have not been made yet: those that it describes differently count as others
 */
export function changesTo(
  plan: ClusterPlan,
  applied: Applied,
  material: KeyMaterial,
  { planned = false }: { planned?: boolean } = {},
): ClusterChanges {
  const described = planned ? renewedByPlan(appliedPlan(applied), plan) : [];
  const keys = new Map(
    [...renewedKeys(applied, material)].map(([name, files]) => [name, new Set([...files, ...described])]),
  );
  const changes = diffPlans(appliedPlan(applied), plan, keys);
  const interrupted = applied.machines.flatMap(({ machine, underway }) => {
    const after = plan.machines.find(({ name }) => name === machine.name);
    if (!underway || !after) return [];
    return [diffFromEither([machine, underway], after, keys.get(machine.name)) ?? notKnownToBeWell(after)];
  });
  if (interrupted.length === 0) return changes;
  const others = changes.machines.filter(({ name }) => !interrupted.some((one) => one.name === name));
  return { ...changes, machines: [...interrupted, ...others] };
}

/** Names of machines of which a change has begun and not ended. */
export function interruptedIn({ machines }: Applied): ReadonlySet<string> {
  return new Set(machines.filter(({ underway }) => underway).map(({ machine }) => machine.name));
}

function notKnownToBeWell({ name }: MachinePlan): MachineDifference {
  const none = { write: [], remove: [], stop: [], restart: [], reload: false, reboot: false };
  return {
    name,
    kind: 'changed',
    changes: [
      {
        what: 'node object',
        says: 'its node is waited for, and takes pods again',
        cost: 'none',
        why: 'a change of it was interrupted',
      },
    ],
    work: { ...none, removeFromHost: [] },
  };
}

/** Whether enough of the control planes that were there run. */
export async function apiCanAnswer({ manager, record }: OpenCluster): Promise<boolean> {
  const controlPlanes = controlPlanesOf(wantedAndMade(record));
  const leaders = await Promise.all(controlPlanes.map((machine) => manager.leader(machine)));
  const running = leaders.filter((leader) => leader !== undefined);
  return running.length >= quorumOf(controlPlanes.length);
}

/** The machines of the plan that have been made: all of them, unless adding nodes was interrupted. */
export function wantedAndMade({
  plan,
  applied,
  created,
}: Pick<ClusterRecord, 'plan' | 'applied' | 'created'>): readonly MachinePlan[] {
  if (created === undefined) return plan.machines;
  const made = new Set(applied.machines.map(({ machine }) => machine.name));
  return plan.machines.filter(({ name }) => made.has(name));
}
