/** The examples of the README and of docs/library.md, as programs that can be compiled and run. */

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export interface Example {
  /** "library-3": the page and its place there. */
  name: string;
  kind: 'program' | 'test';
  code: string;
}

const pages = { readme: 'README.md', library: 'docs/library.md' };

/** What the page says that examples without an import have. */
const prelude = [
  "import { createCluster } from 'knest';",
  '',
  'await using cluster = await createCluster({ workers: 1 });',
];

/** Blocks with an import are whole; the others of a page are one program, each a block of its own. */
export function examples(): Example[] {
  return Object.entries(pages).flatMap(([page, file]) => {
    const text = readFileSync(fileURLToPath(new URL(`../../${file}`, import.meta.url)), 'utf8');
    const blocks = [...text.matchAll(/^```ts\n([^]*?)^```$/gm)].map(([, code = ''], index) => ({
      name: `${page}-${index + 1}`,
      code,
    }));
    const whole = blocks.filter(({ code }) => code.startsWith('import '));
    const parts = blocks.filter((block) => !whole.includes(block));
    return [
      ...whole.map((block): Example => ({ ...block, kind: isTest(block.code) ? 'test' : 'program' })),
      ...(parts.length === 0
        ? []
        : [{ name: `${page}-parts`, kind: 'program' as const, code: together(parts) }]),
    ];
  });
}

function isTest(code: string): boolean {
  return code.includes("from 'vitest'");
}

function together(parts: readonly { code: string }[]): string {
  return [...prelude, ...parts.map(({ code }) => `{\n${code}}`), ''].join('\n');
}
