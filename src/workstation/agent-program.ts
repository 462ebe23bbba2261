import { readFile } from 'node:fs/promises';

import { KnestError } from '../errors.ts';
import { packageFile } from './package-file.ts';

/**
 * knest-agent as one file, made by `npm run build`.
 * @throws KnestError when knest was not built
 */
export async function agentProgram(): Promise<Buffer> {
  const path = packageFile('dist/bundle/agent/knest-agent.mjs');
  try {
    return await readFile(path);
  } catch (error) {
    throw new KnestError(`${path} is missing: this knest was not built`, {
      code: 'INSTALLATION_INCOMPLETE',
      hint: 'npm run build',
      cause: error,
    });
  }
}
