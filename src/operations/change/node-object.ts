/** What a config says of Node objects: kubelets say it only when they register. */

import { differs } from '../../formats/same-json.ts';
import { ApiError } from '../../clients/kubernetes/client.ts';
import type { KubernetesClient } from '../../clients/kubernetes/client.ts';
import type { NodeObject } from '../../clients/kubernetes/objects.ts';
import type { MachinePlan } from '../../plan/types.ts';
import type { Taint } from '../../spec/types.ts';

type Planned = Pick<MachinePlan, 'name' | 'nodePatch' | 'nodeTaints'>;

/** Whether a Node object has to be told of a change. */
export function nodeObjectDiffers(befores: readonly Planned[], after: Planned): boolean {
  return befores.some(
    (before) => differs(before.nodePatch, after.nodePatch) || differs(before.nodeTaints, after.nodeTaints),
  );
}

/** Tries of a change that somebody else's comes before. */
const tries = 5;

/**
 * Gives a Node object the labels and taints of a new plan, and takes those away that only the old ones had. Whatever others
 * have put there stays. Again is harmless.
 * @throws ApiError, 404 when there is no such node
 */
export async function updateNodeObject(
  client: Pick<KubernetesClient, 'get' | 'patch'>,
  befores: readonly Planned[],
  after: Planned,
): Promise<void> {
  const path = `/api/v1/nodes/${after.name}`;
  for (let left = tries; ; left -= 1) {
    const node = await client.get<NodeObject>(path);
    const { taints, isOther } = taintsOf(node, befores, after);
    try {
      await client.patch(path, {
        metadata: {
          ...(node.metadata?.resourceVersion === undefined
            ? {}
            : { resourceVersion: node.metadata.resourceVersion }),
          labels: { ...goneLabels(befores, after), ...after.nodePatch.metadata.labels },
        },
        spec: { ...after.nodePatch.spec, ...(isOther ? { taints } : {}) },
      });
      return;
    } catch (error) {
      // 409: kubelets and controllers change Nodes all the time
      if (left > 1 && error instanceof ApiError && error.status === 409) continue;
      throw error;
    }
  }
}

function goneLabels(befores: readonly Planned[], after: Planned): Record<string, null> {
  const wanted = after.nodePatch.metadata.labels;
  const old = befores.flatMap(({ nodePatch }) => Object.keys(nodePatch.metadata.labels));
  return Object.fromEntries(old.filter((key) => !(key in wanted)).map((key) => [key, null]));
}

type NodeTaint = NonNullable<NonNullable<NodeObject['spec']>['taints']>[number];

function taintsOf(
  { spec }: NodeObject,
  befores: readonly Planned[],
  { nodeTaints = [] }: Planned,
): { taints: NodeTaint[]; isOther: boolean } {
  const present = spec?.taints ?? [];
  const ours = [...befores.flatMap((before) => before.nodeTaints ?? []), ...nodeTaints].map(keyOf);
  const wanted = nodeTaints.map(({ key, value, effect }) => ({
    key,
    ...(value === '' ? {} : { value }),
    effect,
  }));
  const taints = [...present.filter((taint) => !ours.includes(keyOf(taint))), ...wanted];
  const sorted = (list: readonly NodeTaint[]): string[] => list.map((one) => JSON.stringify(one)).sort();
  return { taints, isOther: differs(sorted(present), sorted(taints)) };
}

/** Two taints of one key may differ in their effects. */
function keyOf({ key, effect }: Pick<Taint, 'key'> & { effect: string }): string {
  return `${key}:${effect}`;
}
