/** A config in knest's words while it is translated from kind's: what it says, and where that came from. */

import type { Problem } from '../../errors.ts';
import { configPath, valueAt, type Path } from '../problems.ts';

export interface Draft {
  readonly config: Record<string, unknown>;
  readonly problems: Problem[];
  readonly warnings: Problem[];
  /** @param origin how the user knows the value: its path in the file. */
  set(path: Path, value: unknown, origin: string): void;
  /** Takes a value away that was set before. */
  unset(path: Path): void;
  get(path: Path): unknown;
  problem(path: string, message: string, hint?: string): void;
  /** The same remark is made once. */
  warn(path: string, message: string, hint?: string): void;
  /** Where a value of the config came from. */
  nameOf(path: Path): string;
}

export function createDraft(config: Record<string, unknown>): Draft {
  const origins = new Map<string, string>();
  const problems: Problem[] = [];
  const warnings: Problem[] = [];
  const tell = (list: Problem[]) => (path: string, message: string, hint?: string) => {
    if (list.some((one) => one.path === path && one.message === message)) return;
    list.push({ path, message, ...(hint === undefined ? {} : { hint }) });
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
    nameOf: (path) => {
      for (let length = path.length; length > 0; length -= 1) {
        const origin = origins.get(keyOf(path.slice(0, length)));
        if (origin !== undefined) return joined(origin, path.slice(length));
      }
      return configPath(path);
    },
  };
}

/** nodes[0] and labels.tier -> nodes[0].labels.tier */
export function joined(origin: string, rest: Path): string {
  if (rest.length === 0) return origin;
  return `${origin}${typeof rest[0] === 'number' ? '' : '.'}${configPath(rest)}`;
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
