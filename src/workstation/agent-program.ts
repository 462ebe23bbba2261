import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

import { KnestError } from '../errors.ts';

/**
 * knest-agent as one file, made by `npm run build`.
 * @throws KnestError when knest was not built
 */
export async function agentProgram(): Promise<Buffer> {
  const path = fileURLToPath(new URL('../../dist/bundle/agent/knest-agent.mjs', import.meta.url));
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
