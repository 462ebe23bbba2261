import { isMapping } from './mapping.ts';

/**
 * Applies a JSON merge patch (RFC 7386): mappings are merged, null takes a key away, everything else replaces. Nothing
 * that is passed in is changed.
 */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isMapping(patch)) return patch;
  const merged = new Map(Object.entries(isMapping(target) ? target : {}));
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) merged.delete(key);
    else merged.set(key, mergePatch(merged.get(key), value));
  }
  return Object.fromEntries(merged);
}

/** The same for a mapping, with several patches in order. */
export function applyPatches(
  target: Readonly<Record<string, unknown>>,
  patches: readonly Readonly<Record<string, unknown>>[],
): Record<string, unknown> {
  return { ...(patches.reduce<unknown>(mergePatch, target) as Record<string, unknown>) };
}
