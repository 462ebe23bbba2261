import type { Paths } from '../plan/types.ts';

/** knest's folders: KNEST_STATE_DIR and KNEST_CACHE_DIR, or their usual places (file-hierarchy(7)). */
export function pathsFromEnvironment(environment: Readonly<Record<string, string | undefined>>): Paths {
  return {
    state: environment['KNEST_STATE_DIR'] ?? '/var/lib/knest',
    cache: environment['KNEST_CACHE_DIR'] ?? '/var/cache/knest',
  };
}
