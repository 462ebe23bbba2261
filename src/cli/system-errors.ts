/** What the kernel refuses is no bug of knest's: the usual refusals, in words. */

import { KnestError } from '../errors.ts';
import type { KnestErrorOptions } from '../errors.ts';

const refusals: Readonly<Record<string, { says: string } & KnestErrorOptions>> = {
  EACCES: { says: 'permission denied', kind: 'preflight', hint: 'knest needs root: run it with sudo' },
  EPERM: { says: 'not permitted', kind: 'preflight', hint: 'knest needs root: run it with sudo' },
  EROFS: { says: 'the file system is read-only', kind: 'preflight' },
  ENOSPC: {
    says: 'no space is left',
    hint: 'free some space, or use another disk: KNEST_STATE_DIR, KNEST_CACHE_DIR',
  },
};

/** A refusal of the kernel as a KnestError that names the path; anything else as it is. */
export function inWords(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof KnestError || !('code' in error)) return error;
  const refusal = refusals[String(error.code)];
  if (refusal === undefined) return error;
  const { says, ...options } = refusal;
  const path = 'path' in error && typeof error.path === 'string' ? error.path : undefined;
  return new KnestError(path === undefined ? says : `${path}: ${says}`, { ...options, cause: error });
}
