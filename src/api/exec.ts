/** Programs in nodes, and kubectl, with what they print. */

import type { CaptureOptions, ProgramOptions, ProgramResult } from '../operations/run-program.ts';
import { ExecError } from './errors.ts';
import type { CallOptions } from './types.ts';

export interface ExecOptions extends CallOptions, ProgramOptions, CaptureOptions {
  /** false: an exit code other than 0, and a time-out, are results and not errors. Default true. */
  reject?: boolean;
}

export interface SpawnOptions extends CallOptions, ProgramOptions {}

export interface ExecResult extends ProgramResult {
  /** The node that it ran in; "kubectl" runs where the cluster is: the cluster's name. */
  where: string;
  argv: readonly string[];
}

/** @throws ExecError, unless told otherwise */
export function checked(result: ExecResult, { reject = true }: ExecOptions): ExecResult {
  if (reject && (result.exitCode !== 0 || result.timedOut)) throw new ExecError(result);
  return result;
}
