/** A plan as JSON, as it is but for the hash of root's password: what is printed gets around. */

import type { ClusterPlan } from '../../plan/types.ts';

export function planJson(plan: ClusterPlan): string {
  const shown = (key: string, value: unknown): unknown => (key === 'rootPassword' ? '(hash)' : value);
  return `${JSON.stringify(plan, shown, 2)}\n`;
}
