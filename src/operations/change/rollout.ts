/** In which order a change goes through the machines of a cluster. */

import type { ClusterChanges, Cost, MachineDifference } from '../../diff/types.ts';
import type { ClusterPlan, MachinePlan } from '../../plan/types.ts';
import type { ClusterSpec } from '../../spec/types.ts';

export interface RolloutOptions {
  /** How many workers may be changed at the same time. Default 1. Control planes are always changed one by one. */
  maxUnavailable?: number | undefined;
  /** Machines of which a change has begun and not ended: their nodes have to be looked after in any case. */
  interrupted?: ReadonlySet<string>;
}

/** One machine's part of a change. */
export interface Turn {
  machine: string;
  /** Its pods are evicted before, and may come back after. */
  drain: boolean;
  /** The whole machine starts anew. */
  reboot: boolean;
  /** Units inside that start anew; with `reboot` all of them do. */
  restart: readonly string[];
  /** A sentence: what makes it cost that. */
  why: string;
}

/** The parts of a change in the order in which they are carried out. */
export interface Rollout {
  /** Nodes that go, one after the other: their addresses may be those of nodes that come. */
  leaving: readonly Turn[];
  /** Machines in which nothing starts anew: files and routes. Brought to the plan with the host, all at once. */
  quiet: readonly string[];
  /** Machines that are changed, wave after wave; those of one wave side by side. */
  waves: readonly (readonly Turn[])[];
  /** Nodes that come. */
  joining: readonly string[];
}

/** From harmless to not. */
const costs: readonly Cost[] = ['none', 'unit restarted', 'machine rebooted', 'pods moved', 'data lost'];

/** The worst of some changes. */
export function worstCost(changes: readonly { cost: Cost }[]): Cost {
  return costs[Math.max(0, ...changes.map(({ cost }) => costs.indexOf(cost)))] ?? 'none';
}

/** Whether a cost is at least as bad as another. */
export function isAtLeast(cost: Cost, other: Cost): boolean {
  return costs.indexOf(cost) >= costs.indexOf(other);
}

/**
 * Orders a change: nodes that go, machines in which nothing starts anew, control planes one by one, workers, nodes that
 * come. Pods are evicted where the machine starts anew and another node can take them; a cluster without such a node
 * keeps them where they are, and they start again with the machine.
 * @param plan the new one
 * @param spec the new one, for the nodes' taints
 */
export function planRollout(
  { machines: differences }: ClusterChanges,
  plan: Pick<ClusterPlan, 'machines'>,
  spec: Pick<ClusterSpec, 'nodes'>,
  { maxUnavailable = 1, interrupted = new Set() }: RolloutOptions = {},
): Rollout {
  const of = (kind: MachineDifference['kind']): MachineDifference[] =>
    differences.filter((one) => one.kind === kind);
  const joining = of('added').map(({ name }) => name);
  const staying = plan.machines.filter(({ name }) => !joining.includes(name));
  const changed = staying.flatMap((machine) => {
    const difference = of('changed').find(({ name }) => name === machine.name);
    return difference ? [{ machine, turn: turnOf(difference, canMovePods(machine, staying, spec)) }] : [];
  });
  const loud = changed.filter(
    ({ turn }) => turn.reboot || turn.restart.length > 0 || interrupted.has(turn.machine),
  );
  const turns = (role: MachinePlan['role']): Turn[] =>
    loud.filter(({ machine }) => machine.role === role).map(({ turn }) => turn);
  return {
    leaving: of('removed').map((difference) => ({
      ...turnOf(difference, true),
      drain: staying.length > 0,
    })),
    quiet: changed.filter((one) => !loud.includes(one)).map(({ machine }) => machine.name),
    waves: [
      ...inGroups(turns('control-plane'), 1),
      ...inGroups(turns('worker'), Math.max(1, maxUnavailable)),
    ],
    joining,
  };
}

function turnOf({ name, changes, work }: MachineDifference, elsewhere: boolean): Turn {
  const { reboot, restart, stop } = work;
  const worst = worstCost(changes);
  const cause = changes.find(({ cost }) => cost === worst);
  return {
    machine: name,
    drain: elsewhere && isAtLeast(worst, 'machine rebooted'),
    reboot,
    restart: [...restart, ...stop.filter((unit) => !restart.includes(unit))],
    why: cause ? cause.says : 'a change of it was interrupted',
  };
}

/** Whether another node takes pods. */
function canMovePods(
  machine: MachinePlan,
  staying: readonly MachinePlan[],
  { nodes }: Pick<ClusterSpec, 'nodes'>,
): boolean {
  return staying.some(
    ({ name }) => name !== machine.name && nodes.some((node) => node.name === name && takesPods(node.taints)),
  );
}

function takesPods(taints: ClusterSpec['nodes'][number]['taints']): boolean {
  if (taints === 'control-plane') return false;
  return !taints.some(({ effect }) => effect === 'NoSchedule' || effect === 'NoExecute');
}

function inGroups<T>(all: readonly T[], size: number): T[][] {
  const groups: T[][] = [];
  for (let start = 0; start < all.length; start += size) groups.push(all.slice(start, start + size));
  return groups;
}
