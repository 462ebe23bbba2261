/** Where the values of a config are written: by path, in a file of YAML or JSON. */

import { isAlias, isMap, isScalar, isSeq, type Document, type Pair, type Scalar, type YAMLMap } from 'yaml';
import type { FilePlace } from '../errors.ts';
import { configPath, type At, type Path } from './problems.ts';
import { placeOf, readDocuments, type ReadText } from './yaml.ts';

/**
 * @param file how the user named it
 * @param read its text, with one document
 */
export function placesIn(file: string, read: ReadText): At {
  const [document] = read.documents;
  return (path) => {
    const { line, column } = document ? find(document, read, path).place : { line: 1, column: 1 };
    const place: FilePlace = { file, line, column };
    return { path: configPath(path), place };
  };
}

interface Found {
  place: { line: number; column: number };
  /** Whether there is something at the whole path. */
  whole: boolean;
}

/** Follows a path through lists, mappings, aliases, merge keys, and the texts of patches. */
function find(document: Document.Parsed, read: ReadText, path: Path): Found {
  let node: unknown = document.contents;
  let place = placeOf(read, document.contents?.range[0] ?? 0);
  for (const [index, part] of path.entries()) {
    const here: unknown = isAlias(node) ? node.resolve(document) : node;
    const missing = { place, whole: false };
    if (isMap(here)) {
      const pair = pairsOf(here, document).get(String(part));
      if (pair === undefined) return missing;
      place = startOf(pair.key, read) ?? place;
      node = pair.value;
    } else if (isSeq(here)) {
      node = here.items[Number(part)];
      if (node === undefined || node === null) return missing;
      place = startOf(node, read) ?? place;
    } else {
      return (isScalar(here) ? inText(here, read, path.slice(index)) : undefined) ?? missing;
    }
  }
  return { place, whole: true };
}

function startOf(node: unknown, read: ReadText): Found['place'] | undefined {
  const range: unknown =
    typeof node === 'object' && node !== null && 'range' in node ? node.range : undefined;
  const [offset] = Array.isArray(range) ? (range as number[]) : [];
  return offset === undefined ? undefined : placeOf(read, offset);
}

/** A mapping is asked for each problem in it: its keys are looked through once. */
const indexes = new WeakMap<YAMLMap, ReadonlyMap<string, Pair>>();

/** The pairs of a mapping by key; its own, and after them what merge keys bring. */
function pairsOf(map: YAMLMap, document: Document.Parsed): ReadonlyMap<string, Pair> {
  const known = indexes.get(map);
  if (known) return known;
  const pairs = new Map<string, Pair>();
  // before it is complete: a mapping may be merged into itself
  indexes.set(map, pairs);
  const [merges, own] = [map.items.filter(isMerge), map.items.filter((pair) => !isMerge(pair))];
  for (const pair of own) pairs.set(isScalar(pair.key) ? keyText(pair.key) : String(pair.key), pair);
  for (const source of merges.flatMap(({ value }) => sourcesOf(value, document))) {
    for (const [key, pair] of pairsOf(source, document)) if (!pairs.has(key)) pairs.set(key, pair);
  }
  return pairs;
}

/** As JavaScript has it: null is "". */
function keyText({ value }: Scalar): string {
  return typeof value === 'string' ? value : value === null ? '' : `${value as number | boolean}`;
}

function isMerge({ key }: Pair): boolean {
  if (!isScalar(key)) return false;
  return typeof key.value === 'symbol' || (key.value === '<<' && key.type === 'PLAIN');
}

/** What is merged: a mapping, or several in a list. */
function sourcesOf(value: unknown, document: Document.Parsed): YAMLMap[] {
  const source: unknown = isAlias(value) ? value.resolve(document) : value;
  if (isMap(source)) return [source];
  return isSeq(source) ? source.items.flatMap((item) => sourcesOf(item, document)) : [];
}

/**
 * The place of a path within a text that is YAML itself, as kind's patches are. Known for texts that stand in the file line
 * by line (after "|"), and where only one of several documents in it has the path.
 */
function inText(scalar: Scalar, read: ReadText, path: Path): Found | undefined {
  if (scalar.type !== 'BLOCK_LITERAL' || typeof scalar.value !== 'string' || !scalar.range) return undefined;
  const inner = readDocuments(scalar.value);
  if ('faults' in inner) return undefined;
  const { documents } = inner.read;
  const found = documents.map((one) => find(one, inner.read, path));
  const hits = documents.length === 1 ? found : found.filter(({ whole }) => whole);
  const [only] = hits;
  if (only === undefined || hits.length > 1) return undefined;
  const header = placeOf(read, scalar.range[0]);
  const line = header.line + only.place.line;
  const written = read.text.split('\n')[line - 1]?.replace(/\r$/, '') ?? '';
  const text = scalar.value.split('\n')[only.place.line - 1] ?? '';
  if (!written.endsWith(text)) return undefined;
  return { place: { line, column: written.length - text.length + only.place.column }, whole: only.whole };
}
