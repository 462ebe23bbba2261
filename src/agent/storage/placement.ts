/** Where a volume goes that no pod has asked for yet. */

import { createHash } from 'node:crypto';

import type { ClaimObject, ClassObject, NodeObject } from '../../clients/kubernetes/objects.ts';

export interface Placement {
  /** undefined: no node takes it as they are. */
  node: string | undefined;
  /** Who tells the claim so. */
  teller: string | undefined;
}

/**
 * The node for a volume: one that takes pods, and the same one whichever node asks. Each node has a number for the claim
 * (a hash), and the highest wins (rendezvous hashing). So claims spread over the nodes, and most keep their node when
 * nodes come and go.
 */
export function placeOf(
  { metadata }: ClaimObject,
  storageClass: ClassObject,
  nodes: readonly NodeObject[],
): Placement {
  const draw = (candidates: readonly NodeObject[]): string | undefined =>
    candidates
      .map((node) => node.metadata?.name ?? '')
      .map((name) => ({ name, number: numberOf(`${metadata?.uid ?? ''}/${name}`) }))
      .sort((a, b) => (a.number < b.number ? 1 : -1))[0]?.name;
  const ready = nodes.filter(isReady);
  return {
    node: draw(ready.filter((node) => takesPods(node) && isAllowed(node, storageClass))),
    teller: draw(ready),
  };
}

function numberOf(text: string): string {
  return createHash('sha1').update(text).digest('hex');
}

function isReady({ status }: NodeObject): boolean {
  return status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') ?? false;
}

function takesPods({ spec }: NodeObject): boolean {
  return !spec?.unschedulable && !spec?.taints?.some(({ effect }) => effect !== 'PreferNoSchedule');
}

function isAllowed({ metadata }: NodeObject, { allowedTopologies }: ClassObject): boolean {
  if (!allowedTopologies?.length) return true;
  return allowedTopologies.some(({ matchLabelExpressions = [] }) =>
    matchLabelExpressions.every(({ key, values }) => values.includes(metadata?.labels?.[key] ?? '')),
  );
}
