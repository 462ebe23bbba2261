import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { expect } from 'vitest';

/**
 * Fails unless test/golden/<folder> holds exactly these texts, by relative path. With UPDATE_GOLDEN set, makes it so.
 */
export async function expectGolden(folder: string, files: ReadonlyMap<string, string>): Promise<void> {
  const root = join(import.meta.dirname, '../golden', folder);
  if (process.env['UPDATE_GOLDEN']) await rewrite(root, files);
  const recorded = await readAll(root);
  expect([...recorded.keys()].sort(), `names of the files in test/golden/${folder}`).toEqual(
    [...files.keys()].sort(),
  );
  for (const [path, text] of files) expect(text, `test/golden/${folder}/${path}`).toBe(recorded.get(path));
}

async function rewrite(root: string, files: ReadonlyMap<string, string>): Promise<void> {
  await rm(root, { recursive: true, force: true });
  for (const [path, text] of files) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  }
}

async function readAll(root: string): Promise<Map<string, string>> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => !entry.isDirectory());
  return new Map(
    await Promise.all(
      files.map(async ({ parentPath, name }) => {
        const path = join(parentPath, name);
        return [path.slice(root.length + 1), await readFile(path, 'utf8')] as const;
      }),
    ),
  );
}
