/** A change of a cluster that lives, from its plan to its end. */

import type { ClusterChanges } from '../../diff/types.ts';
import type { HostFacts } from '../../facts/types.ts';
import type { ClusterPlan } from '../../plan/types.ts';
import type { ClusterSpec } from '../../spec/types.ts';
import type { Drift } from './drift.ts';
import type { Rollout, RolloutOptions } from './rollout.ts';

/** What would be done to bring a cluster to a spec; nothing has been touched yet. */
export interface PlannedChange {
  spec: ClusterSpec;
  /** What has been carried out so far; where a change was interrupted it is not the plan that was wanted. */
  before: ClusterPlan;
  after: ClusterPlan;
  changes: ClusterChanges;
  rollout: Rollout;
  facts: HostFacts;
  /** What was changed by hand, and is put right with the rest. */
  drift: Drift;
}

export interface CarryOutOptions extends Pick<RolloutOptions, 'maxUnavailable'> {
  /** Milliseconds that evicting the pods of a node may take. Default 5 minutes. */
  drainTimeout?: number;
  /** Milliseconds in which each node that was changed must be well again. Default 5 minutes. */
  wait?: number;
  /** Machines that are deleted anyway: they are neither changed nor made nor waited for. */
  except?: readonly string[];
}

/** Milliseconds: budgets may make evictions wait for pods that start elsewhere. */
export const defaultDrainTimeout = 300_000;
