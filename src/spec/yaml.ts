/** YAML text -> plain data. */

import {
  Composer,
  isAlias,
  isScalar,
  LineCounter,
  Parser,
  visit,
  type CST,
  type Document,
  type ScalarTag,
  type SchemaOptions,
  type YAMLError,
} from 'yaml';
import { messageOf } from '../errors.ts';

/**
 * Merge keys (<<) are YAML 1.1, and what kind and kubectl read. That keys are unique is checked here: the library compares
 * each key with all others, which takes seconds for some thousand labels.
 */
const options = { prettyErrors: false, merge: true, uniqueKeys: false } as const;

/**
 * Bytes. Kubernetes takes no larger object either (etcd: 1.5 MiB); what is larger is another file by mistake, and reading it
 * would keep knest busy for long.
 */
export const maximumTextSize = 1024 * 1024;

const maximumDepth = 100;

/** What keeps a text from being read, and where in it; line and column count from 1. */
export interface Fault {
  message: string;
  line: number;
  column: number;
}

/** A text that was read. */
export interface ReadText {
  text: string;
  documents: readonly Document.Parsed[];
  lineCounter: LineCounter;
}

/** A text with one document, or what is wrong with it. */
export function readYaml(
  text: string,
): { data: unknown; document: Document; read: ReadText } | { faults: Fault[] } {
  const read = parse(text);
  if ('faults' in read) return read;
  const [document, second] = read.documents;
  if (document === undefined) return { faults: [{ message: 'is empty', line: 1, column: 1 }] };
  if (second) {
    const message = 'a second document begins here; a config file has one';
    return { faults: [{ message, ...placeOf(read, second.range[0]) }] };
  }
  const result = dataOf(document, read);
  return 'faults' in result ? result : { data: result.data, document, read };
}

/**
 * The documents of a text within a file, empty ones left out; or what is wrong with it.
 * @param options octal: 0644 is a mode, as Go's YAML and so kubectl reads it; YAML 1.2 has 0o644 for that
 */
export function readDocuments(
  text: string,
  { octal = false }: { octal?: boolean } = {},
): { data: unknown[]; read: ReadText } | { faults: Fault[] } {
  const read = parse(text, octal ? { customTags: (tags) => [octalNumber, ...tags] } : {});
  if ('faults' in read) return read;
  const results = read.documents.map((one) => dataOf(one, read));
  const faults = results.flatMap((one) => ('faults' in one ? one.faults : []));
  if (faults.length > 0) return { faults };
  const data = results.flatMap((one) => ('data' in one ? [one.data] : []));
  return { data: data.filter((one) => one !== null && one !== undefined), read };
}

/**
 * The data with numbers that would not be written as they are told as text: 1.20 stays "1.20". Go reads text fields like
 * that, whatever the text looks like.
 */
export function withNumbersAsWritten(document: Document): unknown {
  visit(document, {
    Scalar(key, node) {
      if (key === 'key' || typeof node.value !== 'number') return;
      if (isScalar(node) && node.source !== undefined && String(node.value) !== node.source)
        node.value = node.source;
    },
  });
  return document.toJS();
}

/** Line and column of an offset, counted from 1. */
export function placeOf(
  { text, lineCounter }: Pick<ReadText, 'text' | 'lineCounter'>,
  offset: number,
): { line: number; column: number } {
  const { line, col } = lineCounter.linePos(offset);
  // an empty text has no line for the library, and the mark of its encoding (BOM) is none of its characters for editors
  const hidden = line === 1 && text.startsWith('\uFEFF') ? 1 : 0;
  return { line: Math.max(1, line), column: Math.max(1, col - hidden) };
}

/** As YAML 1.1 writes numbers of base 8. */
const octalNumber: ScalarTag = {
  identify: () => false,
  default: true,
  tag: 'tag:yaml.org,2002:int',
  test: /^[-+]?0[0-7]+$/,
  resolve: (text) => Number.parseInt(text, 8),
};

function parse(text: string, more: SchemaOptions = {}): ReadText | { faults: Fault[] } {
  const lineCounter = new LineCounter();
  const at = (message: string, offset: number): { faults: Fault[] } => ({
    faults: [{ message, ...placeOf({ text, lineCounter }, offset) }],
  });
  if (Buffer.byteLength(text) > maximumTextSize)
    return at(`is larger than ${maximumTextSize / 1024 / 1024} MB`, 0);
  const tokens = tokensOf(text, lineCounter);
  const deep = tokens === undefined ? 0 : firstTooDeep(tokens);
  if (tokens === undefined || deep !== undefined)
    return at(`is nested more than ${maximumDepth} levels deep`, deep ?? 0);
  const documents = [...new Composer({ ...options, ...more }).compose(tokens, true, text.length)];
  return { text, documents, lineCounter };
}

/** undefined: so deep that the library runs out of stack. */
function tokensOf(text: string, lineCounter: LineCounter): CST.Token[] | undefined {
  try {
    return [...new Parser(lineCounter.addNewLine).parse(text)];
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** Where a list or mapping lies within more of them than allowed. What reads the tokens next calls itself for each level. */
function firstTooDeep(tokens: readonly CST.Token[]): number | undefined {
  const open: { token: CST.Token | null | undefined; depth: number }[] = tokens.map((token) => ({
    token,
    depth: 0,
  }));
  for (let next = open.pop(); next; next = open.pop()) {
    const { token, depth } = next;
    if (!token) continue;
    if (token.type === 'document') open.push({ token: token.value, depth });
    if (!('items' in token)) continue;
    if (depth > maximumDepth) return token.offset;
    for (const { key, value } of token.items) {
      open.push({ token: key, depth: depth + 1 }, { token: value, depth: depth + 1 });
    }
  }
  return undefined;
}

function dataOf(document: Document.Parsed, read: ReadText): { data: unknown } | { faults: Fault[] } {
  const faults = [...document.errors, ...document.warnings].map(faultOf(read));
  const sameKeys = repeatedKeys(document).map((offset) => ({
    message: 'Map keys must be unique',
    ...placeOf(read, offset),
  }));
  const all = [...faults, ...sameKeys].sort((a, b) => a.line - b.line || a.column - b.column);
  if (all.length > 0) return { faults: all };
  const whole = placeOf(read, document.contents?.range[0] ?? 0);
  try {
    const data: unknown = document.toJS();
    if (!isDeep(data)) return { data };
  } catch (error) {
    // Aliases without an anchor, or so many of them that they are an attack.
    if (!(error instanceof RangeError)) {
      const lost = firstLostAlias(document);
      const place = lost === undefined ? whole : placeOf(read, lost);
      return { faults: [{ message: messageOf(error), ...place }] };
    }
  }
  return {
    faults: [{ message: `is nested more than ${maximumDepth} levels deep by its aliases`, ...whole }],
  };
}

function faultOf(read: ReadText): (error: YAMLError) => Fault {
  return ({ message, pos }) => ({ message, ...placeOf(read, pos[0]) });
}

/** Offsets of keys that their mapping has already. */
function repeatedKeys(document: Document.Parsed): number[] {
  const offsets: number[] = [];
  visit(document, {
    Map(_key, map) {
      const seen = new Set<unknown>();
      for (const { key } of map.items) {
        if (!isScalar(key)) continue;
        if (seen.has(key.value)) offsets.push(key.range?.[0] ?? 0);
        seen.add(key.value);
      }
    },
  });
  return offsets;
}

/** Offset of the first alias that names no anchor before it. */
function firstLostAlias(document: Document.Parsed): number | undefined {
  const anchors = new Set<string>();
  let offset: number | undefined;
  visit(document, {
    Node(_key, node) {
      if (isAlias(node)) {
        if (anchors.has(node.source)) return undefined;
        offset = node.range?.[0];
        return visit.BREAK;
      }
      if ('anchor' in node) anchors.add(node.anchor);
      return undefined;
    },
  });
  return offset;
}

/** Whether lists and mappings lie deeper within each other than allowed; what aliases share counts at each level once. */
function isDeep(data: unknown): boolean {
  let level: readonly unknown[] = [data];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > maximumDepth + 1) return true;
    const below = level.flatMap((value): unknown[] =>
      typeof value === 'object' && value !== null ? Object.values(value) : [],
    );
    level = [...new Set(below)].filter((value) => typeof value === 'object' && value !== null);
  }
  return false;
}
