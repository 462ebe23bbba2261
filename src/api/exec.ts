/** Programs in nodes, and kubectl, with what they print. */

import { ExecError } from './errors.ts';
import type { ExecOptions, ExecResult } from './types.ts';

/** @throws ExecError, unless told otherwise */
export function checked(result: ExecResult, { reject = true }: ExecOptions): ExecResult {
  if (reject && (result.exitCode !== 0 || result.timedOut)) throw new ExecError(result);
  return result;
}
