/** What nodes are called. */

import type { NodeRole } from './types.ts';

/**
 * kind's names: NAME-control-plane, NAME-control-plane2, ..., NAME-worker, NAME-worker2, ... A node that has a name of its
 * own keeps it, and no other one gets it.
 */
export function machineNames(
  cluster: string,
  nodes: readonly { role: NodeRole; name?: string | undefined }[],
): string[] {
  const given = new Set(nodes.map(({ name }) => name));
  const seen: Record<NodeRole, number> = { 'control-plane': 0, worker: 0 };
  return nodes.map(({ role, name }) => {
    if (name !== undefined) return name;
    do seen[role] += 1;
    while (given.has(nodeName(cluster, role, seen[role])));
    return nodeName(cluster, role, seen[role]);
  });
}

/** Names for nodes that come later: the first that are free. @param taken names of the cluster's nodes */
export function freeNodeNames(
  cluster: string,
  role: NodeRole,
  count: number,
  taken: readonly string[],
): string[] {
  const names: string[] = [];
  for (let number = 1; names.length < count; number += 1) {
    const name = nodeName(cluster, role, number);
    if (!taken.includes(name)) names.push(name);
  }
  return names;
}

function nodeName(cluster: string, role: NodeRole, number: number): string {
  return `${cluster}-${role}${number === 1 ? '' : number}`;
}
