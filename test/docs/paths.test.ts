import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

import { describe, expect, it } from 'vitest';

import { layers } from '../../scripts/lint/layers.js';

const root = resolve(import.meta.dirname, '../..');
const read = (file: string): string => readFileSync(join(root, file), 'utf8');

describe.each(['docs/architecture.md', 'docs/follow-a-value.md', 'docs/development.md'])('%s', (page) => {
  it('names only files and folders that are there', () => {
    const named = [...read(page).matchAll(/`((?:src|test|bench|scripts|assets)\/[\w@./-]+)`/g)].map(
      ([, path]) => path,
    );
    expect(named.length).toBeGreaterThan(0);
    expect(named.filter((path) => path !== undefined && !existsSync(join(root, path)))).toEqual([]);
  });
});

it('the architecture has a line for every folder of src', () => {
  const page = read('docs/architecture.md');
  const missing = Object.keys(layers).filter((name) => !page.includes(`src/${name}`));
  expect(missing).toEqual([]);
});

/** A name in backquotes right before a file in parentheses is a function of that file. */
it('functions that are followed through the code are where the page says', () => {
  const said = [...read('docs/follow-a-value.md').matchAll(/`(\w+)`\s+\(`(src\/[\w./-]+\.ts)`\)/g)];
  expect(said.length).toBeGreaterThan(10);
  const wrong = said.filter(([, name = '', file = '']) => {
    const exported = new RegExp(`(function|const) ${name}\\b`);
    return !existsSync(join(root, file)) || !exported.test(read(file));
  });
  expect(wrong.map(([text]) => text)).toEqual([]);
});
