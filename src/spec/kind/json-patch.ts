/** JSON patches (RFC 6902), told as merge patches (RFC 7386). */

import { isMapping } from '../../formats/mapping.ts';
import { applyPatch, type Operation } from 'rfc6902';
import type { ConfigPatch } from '../types.ts';

/**
 * What the operations make of a document.
 *
 * The documents are not the whole ones that kind has, only what kind is known to put there: mappings on the way to a
 * place are made when they are missing, and replacing what is not there adds it.
 * @returns a sentence instead of a document for what cannot be done.
 */
export function afterOperations(
  document: ConfigPatch,
  operations: unknown,
): { document: ConfigPatch } | { problem: string } {
  if (!Array.isArray(operations)) return { problem: 'must be a list of operations (RFC 6902)' };
  const after = structuredClone(document) as Record<string, unknown>;
  for (const [index, operation] of operations.entries()) {
    if (!isOperation(operation)) return { problem: `operation ${index + 1} is none of RFC 6902` };
    makeParents(after, operation.path);
    const [error] = applyPatch(after, [addingIfMissing(after, operation)]);
    if (error)
      return { problem: `operation ${index + 1}, ${operation.op} ${operation.path}: ${reason(error)}` };
  }
  return { document: after };
}

/** The merge patch that leads from one mapping to another. */
export function difference(before: ConfigPatch, after: ConfigPatch): ConfigPatch {
  const gone = Object.keys(before).filter((key) => !(key in after));
  const changed = Object.entries(after).filter(
    ([key, value]) => JSON.stringify(before[key]) !== JSON.stringify(value),
  );
  return Object.fromEntries([
    ...gone.map((key) => [key, null] as const),
    ...changed.map(([key, value]) => {
      const old = before[key];
      return [key, isMapping(old) && isMapping(value) ? difference(old, value) : value] as const;
    }),
  ]);
}

/** Two merge patches as one: what the second says, over the first. */
export function combined(first: unknown, second: unknown): unknown {
  if (!isMapping(first) || !isMapping(second)) return second;
  const keys = [...new Set([...Object.keys(first), ...Object.keys(second)])];
  return Object.fromEntries(
    keys.map((key) => [key, key in second ? combined(first[key], second[key]) : first[key]]),
  );
}

const verbs = ['add', 'remove', 'replace', 'move', 'copy', 'test'];

function isOperation(value: unknown): value is Operation {
  if (!isMapping(value)) return false;
  const { op, path, from } = value;
  return (
    typeof op === 'string' &&
    verbs.includes(op) &&
    typeof path === 'string' &&
    path.startsWith('/') &&
    // such a key would reach JavaScript's own objects (prototype pollution)
    !pointer(path).includes('__proto__') &&
    (!['move', 'copy'].includes(op) || typeof from === 'string')
  );
}

function addingIfMissing(document: unknown, operation: Operation): Operation {
  if (operation.op !== 'replace' || at(document, pointer(operation.path)) !== undefined) return operation;
  return { ...operation, op: 'add' };
}

function makeParents(document: Record<string, unknown>, path: string): void {
  let here: unknown = document;
  for (const part of pointer(path).slice(0, -1)) {
    if (!isMapping(here)) return;
    here[part] ??= {};
    here = here[part];
  }
}

function pointer(path: string): string[] {
  return path
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function at(document: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (value, part) =>
      typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[part] : undefined,
    document,
  );
}

function reason({ name }: Error): string {
  if (name === 'MissingError') return 'there is nothing at that place';
  if (name === 'TestError') return 'the test fails';
  return name;
}
