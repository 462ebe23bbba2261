import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

import { describe, expect, it } from 'vitest';

import { layers as table } from '../../scripts/lint/layers.js';

const root = resolve(import.meta.dirname, '../..');

describe('the layers', () => {
  it('name every folder and file at the top of src', () => {
    const present = readdirSync(join(root, 'src')).map((name) => name.replace(/\.ts$/, ''));
    expect(Object.keys(table).sort()).toEqual(present.sort());
  });

  it('lead nowhere back: an arrow only goes to folders that come later in the table', () => {
    const cyclic = Object.keys(table).filter((folder) => reaches(folder, folder));
    expect(cyclic).toEqual([]);
  });
});

/** A cycle of files makes what is ready when depend on who was imported first. Types alone are harmless. */
it('no file of src imports itself by way of others', () => {
  const imports = new Map(sourceFiles().map((file) => [file, importsOf(file)]));
  const cycles = [...imports.keys()].flatMap((file) => {
    const way = wayBack(file, imports);
    return way ? [way.join(' -> ')] : [];
  });
  expect(cycles).toEqual([]);
});

function reaches(from: string, to: string, seen = new Set<string>()): boolean {
  return (table[from] ?? []).some((next) => {
    if (next === to) return true;
    if (seen.has(next)) return false;
    seen.add(next);
    return reaches(next, to, seen);
  });
}

function sourceFiles(): string[] {
  return readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => join(root, 'src', file));
}

function importsOf(file: string): string[] {
  const text = readFileSync(file, 'utf8');
  const statements = text.matchAll(/^(?:import|export)\s(?!type\b)[^;]*?from '(\.[^']+)';/gm);
  return [...statements].map(([, path = '']) => resolve(dirname(file), path));
}

/** The shortest way from a file back to itself. */
function wayBack(file: string, imports: ReadonlyMap<string, readonly string[]>): string[] | undefined {
  const ways: string[][] = [[file]];
  const seen = new Set<string>();
  for (let way = ways.shift(); way; way = ways.shift()) {
    for (const next of imports.get(way.at(-1) ?? '') ?? []) {
      if (next === file) return [...way, next].map((path) => path.slice(root.length + 1));
      if (seen.has(next)) continue;
      seen.add(next);
      ways.push([...way, next]);
    }
  }
  return undefined;
}
