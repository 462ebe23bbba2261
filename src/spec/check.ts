/** Checks data by a schema: gives the problems, and the parts that are valid, so that these can be checked further. */

import * as z from 'zod';
import type { Problem } from '../errors.ts';
import { problemsOfIssue, valueAt, type At, type Path } from './problems.ts';

export interface Checked<T> {
  /** What is left when everything that is wrong is taken out. */
  valid: Partial<T>;
  problems: Problem[];
}

/** Nobody reads more; a file that is none of knest's can have a hundred thousand. */
const mostProblems = 100;

export function check<S extends z.ZodObject>(schema: S, input: unknown, at: At): Checked<z.output<S>> {
  const result = parse(schema, input);
  if (result === 'too many') return { valid: {}, problems: [tooMany(at)] };
  if (result.success) return { valid: withoutUndefined(result.data), problems: [] };
  const { issues } = result.error;
  if (issues.reduce((sum, issue) => sum + countOf(issue), 0) > mostProblems) {
    const told = tell(issues.slice(0, mostProblems).map(shortened), schema, input, at);
    return { valid: {}, problems: [...told.slice(0, mostProblems), tooMany(at)] };
  }
  const problems = tell(issues, schema, input, at);
  const rest = structuredClone(input);
  for (const issue of issues) {
    const paths =
      issue.code === 'unrecognized_keys' ? issue.keys.map((key) => [...issue.path, key]) : [issue.path];
    for (const path of paths) remove(rest, path);
  }
  const again = schema.partial().safeParse(rest);
  return { valid: again.success ? (withoutUndefined(again.data) as Partial<z.output<S>>) : {}, problems };
}

type Issue = z.core.$ZodIssue;

/** Zod hands issues on as the arguments of a function, of which there can be some hundred thousand at most. */
function parse<S extends z.ZodObject>(
  schema: S,
  input: unknown,
): z.ZodSafeParseResult<z.output<S>> | 'too many' {
  try {
    return schema.safeParse(input);
  } catch (error) {
    if (error instanceof RangeError) return 'too many';
    throw error;
  }
}

function tell(issues: readonly Issue[], schema: z.ZodType, input: unknown, at: At): Problem[] {
  const keysAt = (path: Path) => knownKeys(schema, path);
  return issues.flatMap((issue) => problemsOfIssue(issue, input, at, keysAt));
}

function countOf(issue: Issue): number {
  return issue.code === 'unrecognized_keys' ? issue.keys.length : 1;
}

function shortened(issue: Issue): Issue {
  return issue.code === 'unrecognized_keys' ? { ...issue, keys: issue.keys.slice(0, mostProblems) } : issue;
}

function tooMany(at: At): Problem {
  const message = `has more than ${mostProblems} problems`;
  return { ...at([]), message, hint: 'is it a config of knest, or of kind?' };
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
