/** Schema issues, told in the words of the config file. */

import type * as z from 'zod';
import type { Problem, Subject } from '../errors.ts';
import { didYouMean } from './suggest.ts';

type Issue = z.core.$ZodIssue;
export type Path = readonly PropertyKey[];

/**
 * How the user knows a value: its path and place in the file, or its flag. What is not there has the place of what it
 * would be in.
 */
export type At = (path: Path) => Subject;

/**
 * What an issue of the schema means for the user; several problems for several unknown keys.
 * @param keysAt the keys that are known at a path, for suggestions.
 */
export function problemsOfIssue(
  issue: Issue,
  input: unknown,
  at: At,
  keysAt: (path: Path) => readonly string[],
): Problem[] {
  const subject = at(issue.path);
  const value = valueAt(input, issue.path);
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => {
        const known = keysAt(issue.path);
        const hint = didYouMean(key, known) ?? `known here: ${known.join(', ')}`;
        return { ...at([...issue.path, key]), message: 'unknown key', hint };
      });
    case 'invalid_type':
      return isSecret(issue.path) && value !== undefined && value !== null
        ? [{ ...subject, message: 'must be text', hint: 'put it in quotes' }]
        : [wrongType(subject, issue.expected, value)];
    case 'invalid_value':
      return [wrongValue(subject, issue.values.map(String), value)];
    case 'invalid_union': {
      const chosen = closestOption(issue);
      const inner = chosen.map((one) => ({ ...one, path: [...issue.path, ...one.path] }));
      return inner.length === 0
        ? [{ ...subject, message: issue.message }]
        : inner.flatMap((one) => problemsOfIssue(one, input, at, keysAt));
    }
    case 'invalid_key':
      return [{ ...subject, message: issue.issues[0]?.message ?? issue.message }];
    case 'too_small':
      if (issue.origin === 'array')
        return [{ ...subject, message: 'is empty', hint: 'give it something or remove it' }];
      return [
        {
          ...subject,
          message: `must be ${issue.inclusive === false ? 'more than' : 'at least'} ${issue.minimum}`,
        },
      ];
    case 'too_big':
      return [
        {
          ...subject,
          message:
            issue.origin === 'array'
              ? `has more than ${issue.maximum} entries`
              : `must be at most ${issue.maximum}`,
        },
      ];
    default:
      return [{ ...subject, message: issue.message }];
  }
}

/**
 * Of the ways to write a value the one that was most likely meant: the one whose kind it is, else the one with words to
 * choose from. None: the union says itself what is wrong.
 */
function closestOption({ errors }: z.core.$ZodIssueInvalidUnion): readonly Issue[] {
  const isOfWhole = ({ path }: Issue) => path.length === 0;
  const kindIs = (option: readonly Issue[]) =>
    !option.some((one) => isOfWhole(one) && ['invalid_type', 'invalid_value'].includes(one.code));
  const hasWords = (option: readonly Issue[]) =>
    option.some((one) => isOfWhole(one) && one.code === 'invalid_value');
  return errors.find(kindIs) ?? errors.find(hasWords) ?? [];
}

/** What must not be told again, not even when it is wrong: messages end up in logs. */
function isSecret(path: Path): boolean {
  return path.at(-1) === 'rootPassword' || path.at(-1) === 'password' || path[0] === 'proxy';
}

const wholeFile = '(the whole file)';

/** nodes[0].role; labels.example.org/tier as it is. */
export function configPath(path: Path): string {
  const text = path
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`))
    .join('')
    .replace(/^\./, '');
  return text === '' ? wholeFile : text;
}

/** The other way round; a key with a dot in it becomes two. */
export function pathParts(text: string): Path {
  return [...text.matchAll(/\[(\d+)\]|[^.[\]]+/g)].map(([part, index]) =>
    index === undefined ? part : Number(index),
  );
}

/** The value at a path, or undefined when something on the way is missing. */
export function valueAt(input: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (value, part) =>
      typeof value === 'object' && value !== null ? (value as Record<PropertyKey, unknown>)[part] : undefined,
    input,
  );
}

function wrongType(subject: Subject, expected: string, value: unknown): Problem {
  if (value === undefined) return { ...subject, message: 'is missing' };
  if (value === null && subject.path === wholeFile) return { ...subject, message: 'is empty' };
  if (value === null) return { ...subject, message: 'has no value', hint: 'give it one or remove the line' };
  const message = `must be ${nameOfType(expected)}, not ${describe(value)}`;
  const quotable = expected === 'string' && (typeof value === 'number' || typeof value === 'boolean');
  return quotable ? { ...subject, message, hint: 'put it in quotes' } : { ...subject, message };
}

function wrongValue(subject: Subject, allowed: readonly string[], value: unknown): Problem {
  const choices = oneOf(allowed);
  if (value === undefined) return { ...subject, message: 'is missing', hint: `must be ${choices}` };
  const message = `must be ${choices}, not ${describe(value)}`;
  if (value === 'Bidirectional') {
    // systemd-nspawn(1): "all mounts in the container are slaves of the host's"
    return { ...subject, message, hint: 'what a machine of systemd-nspawn mounts, the host never sees' };
  }
  const hint = typeof value === 'string' ? didYouMean(value, allowed) : undefined;
  return hint === undefined ? { ...subject, message } : { ...subject, message, hint };
}

/** "a", "b" or "c" */
function oneOf(words: readonly string[]): string {
  const quoted = words.map((word) => JSON.stringify(word));
  return [quoted.slice(0, -1).join(', '), ...quoted.slice(-1)].filter((part) => part !== '').join(' or ');
}

function nameOfType(expected: string): string {
  const names: Record<string, string> = {
    string: 'text',
    number: 'a number',
    int: 'a whole number',
    boolean: 'true or false',
    object: 'a mapping',
    array: 'a list',
    record: 'a mapping',
  };
  return names[expected] ?? expected;
}

function describe(value: unknown): string {
  if (value === null) return 'empty';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a mapping';
  if (typeof value === 'number') return `the number ${value}`;
  return JSON.stringify(value);
}
