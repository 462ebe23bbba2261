/** Checks data by a schema: gives the problems, and the parts that are valid, so that these can be checked further. */

import * as z from 'zod';
import type { Problem } from '../errors.ts';
import { problemsOfIssue, valueAt, type At, type Path } from './problems.ts';

export interface Checked<T> {
  /** What is left when everything that is wrong is taken out. */
  valid: Partial<T>;
  problems: Problem[];
}

export function check<S extends z.ZodObject>(schema: S, input: unknown, at: At): Checked<z.output<S>> {
  const result = schema.safeParse(input);
  if (result.success) return { valid: withoutUndefined(result.data), problems: [] };
  const keysAt = (path: Path) => knownKeys(schema, path);
  const problems = result.error.issues.flatMap((issue) => problemsOfIssue(issue, input, at, keysAt));
  const rest = structuredClone(input);
  for (const issue of result.error.issues) {
    const paths =
      issue.code === 'unrecognized_keys' ? issue.keys.map((key) => [...issue.path, key]) : [issue.path];
    for (const path of paths) remove(rest, path);
  }
  const again = schema.partial().safeParse(rest);
  return { valid: again.success ? (withoutUndefined(again.data) as Partial<z.output<S>>) : {}, problems };
}

/** Drops keys whose value is `undefined`: when objects are spread over each other, these would hide other values. */
export function withoutUndefined<T extends object>(data: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(data).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}

/** The keys that the schema has at a path. */
function knownKeys(schema: z.ZodType, path: Path): readonly string[] {
  const inner = path.reduce<unknown>((at, part) => {
    const here = unwrap(at);
    if (here instanceof z.ZodArray) return here.element;
    if (here instanceof z.ZodRecord) return here.valueType;
    return here instanceof z.ZodObject ? (here.shape as Record<PropertyKey, unknown>)[part] : undefined;
  }, schema);
  const object = unwrap(inner);
  return object instanceof z.ZodObject ? Object.keys(object.shape) : [];
}

/** What is behind "may be left out", and behind "or just a word": the mapping with its keys. */
function unwrap(schema: unknown): unknown {
  if (schema instanceof z.ZodOptional) return unwrap(schema.unwrap());
  if (!(schema instanceof z.ZodUnion)) return schema;
  return schema.options.map(unwrap).find((option) => option instanceof z.ZodObject) ?? schema;
}

/** Takes out of the data what an issue of the schema is about. */
function remove(data: unknown, path: Path): void {
  // An item of a list that is wrong is still an item: without it the count would be wrong, so the list is set aside.
  const list = path.findIndex((part) => typeof part === 'number');
  const whole = list > 0 ? path.slice(0, list) : path;
  const parent = valueAt(data, whole.slice(0, -1));
  const last = whole.at(-1);
  if (typeof parent === 'object' && parent !== null && last !== undefined)
    Reflect.deleteProperty(parent, last);
}
