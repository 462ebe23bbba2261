/** Kinds of fields that the schema is made of. */

import * as z from 'zod';

type Check = (value: string) => string | undefined;

/** Text for which `problem` finds nothing wrong. */
export function checkedText(problem: Check) {
  return z.string().superRefine((value, context) => {
    const message = problem(value);
    if (message !== undefined) context.addIssue({ code: 'custom', message });
  });
}

/** The same, and it may be left out. */
export function text(problem: Check) {
  return checkedText(problem).optional();
}

/** A mapping from names to values, each checked by itself. */
export function mapping<V extends z.ZodType>(nameProblem: Check, value: V) {
  return z.record(checkedText(nameProblem), value).optional();
}

export function port(description: string) {
  return z.int().min(1).max(65_535).meta({ description });
}

/** A list that has an end: of that many entries nobody wants more, and each is compared with all others. */
export function shortList<V extends z.ZodType>(value: V, most: number) {
  return z.array(value).max(most);
}
