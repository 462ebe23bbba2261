/** What upgrading and going back take and give. */

import type { ClusterChanges, MachineDifference } from '../../diff/types.ts';
import type { ComponentName, ComponentOrigin } from '../../spec/types.ts';
import type { upgradeChecks } from '../../spec/words.ts';
import type { Generation } from '../../state/history.ts';
import type { CarryOutOptions } from '../change/types.ts';
import type { Context } from '../types.ts';

export type { ClusterChanges, MachineDifference };

/** What is looked at before an upgrade. */
export type UpgradeCheck = (typeof upgradeChecks)[number];

export interface UpgradeOptions
  extends Context, Pick<CarryOutOptions, 'maxUnavailable' | 'drainTimeout' | 'wait'> {
  /** The cluster's. */
  name: string;
  /** "v1.36.2", "1.36", "stable"; undefined: Kubernetes stays, unless `sources` says otherwise. */
  kubernetesVersion?: string;
  /**
   * Directories of binaries, or of such directories. Versions on the way are looked for in them, too. Without any: where
   * the cluster has its Kubernetes from.
   */
  sources?: readonly string[];
  /** Base URL of a dl.k8s.io-like server. */
  releaseMirror?: string;
  /** Debian suite. */
  suite?: string;
  /** Where components come from; those of the nodes are chosen anew. */
  components?: Readonly<Partial<Record<ComponentName, ComponentOrigin>>>;
  /** Names of nodes; default: all. */
  nodes?: readonly string[];
  /** Checks that count for nothing. */
  force?: readonly UpgradeCheck[];
  /** Changes nothing. */
  dryRun?: boolean;
  /** Is asked once it is known what would be done; false ends it. Default: yes. */
  confirm?: (planned: UpgradePlan) => Promise<boolean>;
}

export interface PlannedStage {
  /** Of Kubernetes; undefined: it stays. */
  version: string | undefined;
  /** Names, in the order of the rollout. */
  nodes: readonly string[];
  changes: ClusterChanges;
}

export interface UpgradePlan {
  name: string;
  /** One after the other; none: the cluster is there already. */
  stages: readonly PlannedStage[];
  /** What was found, and is left out of account. */
  forced: readonly UpgradeProblem[];
}

/** Why a cluster should not be upgraded as it is. */
export interface UpgradeProblem {
  check: UpgradeCheck;
  message: string;
  hint: string;
}

export interface UpgradeResult extends UpgradePlan {
  /** What the cluster was before; undefined: nothing was changed. */
  before: Generation | undefined;
  seconds: number;
}

export interface RollbackOptions
  extends Context, Pick<CarryOutOptions, 'maxUnavailable' | 'drainTimeout' | 'wait'> {
  name: string;
  /** Number of a generation; default: the newest. */
  to?: number;
  dryRun?: boolean;
  /** Is asked once it is known what would be done; false ends it. Default: yes. */
  confirm?: (planned: RollbackPlan) => Promise<boolean>;
}

export interface RollbackPlan {
  name: string;
  to: Generation;
  changes: ClusterChanges;
  /** etcd's data goes back as well: what was written after this time is lost. undefined: it stays as it is. */
  lostSince: string | undefined;
  /** Why it has to. */
  because: string | undefined;
}

export interface RollbackResult extends RollbackPlan {
  /** What the cluster was before; undefined: nothing was changed. */
  before: Generation | undefined;
  seconds: number;
}
