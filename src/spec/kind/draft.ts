/** A config in knest's words while it is translated from kind's: what it says, and where that came from. */

import type { Problem } from '../../errors.ts';
import { valueAt, type At, type Path } from '../problems.ts';

export interface Draft {
  readonly config: Record<string, unknown>;
  readonly problems: Problem[];
  readonly warnings: Problem[];
  /** @param origin path of the value in kind's file */
  set(path: Path, value: unknown, origin: Path): void;
  /** Takes a value away that was set before. */
  unset(path: Path): void;
  get(path: Path): unknown;
  /** @param origin path in kind's file */
  problem(origin: Path, message: string, hint?: string): void;
  /** The same remark is made once. */
  warn(origin: Path, message: string, hint?: string): void;
  /** Where a value of the config came from. */
  at: At;
}

/** @param inFile where things are in kind's file */
export function createDraft(config: Record<string, unknown>, inFile: At): Draft {
  const origins = new Map<string, Path>();
  const problems: Problem[] = [];
  const warnings: Problem[] = [];
  const told = new Set<string>();
  const tell = (list: Problem[]) => (origin: Path, message: string, hint?: string) => {
    const subject = inFile(origin);
    const key = JSON.stringify([list === problems, subject.path, message]);
    if (told.has(key)) return;
    told.add(key);
    list.push({ ...subject, message, ...(hint === undefined ? {} : { hint }) });
  };
  return {
    config,
    problems,
    warnings,
    set: (path, value, origin) => {
      setAt(config, path, value);
      origins.set(keyOf(path), origin);
    },
    unset: (path) => {
      const parent = valueAt(config, path.slice(0, -1));
      if (typeof parent === 'object' && parent !== null) Reflect.deleteProperty(parent, path.at(-1) ?? '');
    },
    get: (path) => valueAt(config, path),
    problem: tell(problems),
    warn: tell(warnings),
    at: (path) => {
      for (let length = path.length; length > 0; length -= 1) {
        const origin = origins.get(keyOf(path.slice(0, length)));
        if (origin !== undefined) return inFile([...origin, ...path.slice(length)]);
      }
      return inFile(path);
    },
  };
}

function keyOf(path: Path): string {
  return JSON.stringify(path.map(String));
}

/** Makes the mappings and lists on the way. */
function setAt(data: Record<string, unknown>, path: Path, value: unknown): void {
  let at = data as Record<PropertyKey, unknown>;
  path.slice(0, -1).forEach((part, index) => {
    const next = at[part];
    if (typeof next !== 'object' || next === null) at[part] = typeof path[index + 1] === 'number' ? [] : {};
    at = at[part] as Record<PropertyKey, unknown>;
  });
  at[path.at(-1) ?? ''] = value;
}
