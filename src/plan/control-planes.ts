import type { NodeRole } from '../spec/types.ts';

/** Those of some machines that are control planes, in their order. */
export function controlPlanesOf<T extends { role: NodeRole }>(machines: readonly T[]): T[] {
  return machines.filter(({ role }) => role === 'control-plane');
}
