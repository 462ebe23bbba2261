/** YAML text -> plain data. */

import { isScalar, LineCounter, parseAllDocuments, parseDocument, visit, type Document } from 'yaml';
import { InputError, type Problem, messageOf } from '../errors.ts';
import { wholeFile } from './problems.ts';

/** Merge keys (<<) are YAML 1.1, and what kind and kubectl read. */
const options = { prettyErrors: false, merge: true } as const;

/** A text with one document. @throws InputError with every syntax error and its place. */
export function readYaml(text: string, name: string): { data: unknown; document: Document } {
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { ...options, lineCounter });
  const read = dataOf(document, lineCounter);
  if ('problems' in read) throw new InputError(`${name} is not valid YAML`, read.problems);
  return { data: read.data, document };
}

/** The documents of a text within a file, empty ones left out; or what is wrong with it. */
export function readDocuments(text: string): { data: unknown[] } | { problems: Problem[] } {
  const lineCounter = new LineCounter();
  const read = parseAllDocuments(text, { ...options, lineCounter }).map((one) => dataOf(one, lineCounter));
  const problems = read.flatMap((one) => ('problems' in one ? one.problems : []));
  if (problems.length > 0) return { problems };
  const data = read.flatMap((one) => ('data' in one ? [one.data] : []));
  return { data: data.filter((one) => one !== null && one !== undefined) };
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

function dataOf(document: Document, lineCounter: LineCounter): { data: unknown } | { problems: Problem[] } {
  const faults = [...document.errors, ...document.warnings];
  if (faults.length > 0) {
    const problems = faults.map(({ message, pos }) => {
      const { line, col } = lineCounter.linePos(pos[0]);
      return { path: `line ${line}, column ${col}`, message };
    });
    return { problems };
  }
  try {
    return { data: document.toJS() };
  } catch (error) {
    // Aliases without an anchor, or so many of them that they are an attack.
    return {
      problems: [{ path: wholeFile, message: messageOf(error) }],
    };
  }
}
