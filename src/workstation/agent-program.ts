import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { KnestError } from '../errors.ts';

/**
 * knest-agent as one file, made by `npm run build`.
 * @throws KnestError when knest was not built
 */
export async function agentProgram(): Promise<Buffer> {
  const path = join(
    packageFolder(dirname(fileURLToPath(import.meta.url))),
    'dist/bundle/agent/knest-agent.mjs',
  );
  try {
    return await readFile(path);
  } catch (error) {
    throw new KnestError(`${path} is missing: this knest was not built`, {
      hint: 'npm run build',
      cause: error,
    });
  }
}

/** The nearest folder with a package.json: this module is in src, in dist, or in a bundle of another depth. */
function packageFolder(from: string): string {
  const above = dirname(from);
  return existsSync(join(from, 'package.json')) || above === from ? from : packageFolder(above);
}
