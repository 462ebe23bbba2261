import { InputError } from '../errors.ts';
import type { Problem } from '../errors.ts';
import type { Paths } from '../plan/types.ts';

/**
 * knest's folders: KNEST_STATE_DIR and KNEST_CACHE_DIR, or their usual places (file-hierarchy(7)).
 * @throws InputError for folders that cannot be used
 */
export function pathsFromEnvironment(environment: Readonly<Record<string, string | undefined>>): Paths {
  const paths = {
    state: environment['KNEST_STATE_DIR'] || '/var/lib/knest',
    cache: environment['KNEST_CACHE_DIR'] || '/var/cache/knest',
  };
  const problems = [
    ...problemsOf('KNEST_STATE_DIR', paths.state),
    ...problemsOf('KNEST_CACHE_DIR', paths.cache),
  ];
  if (problems.length > 0) throw new InputError('environment', problems);
  return paths;
}

/**
 * Overlay options and systemd-nspawn's --bind= give colons, commas and backslashes a meaning of their own, units and
 * scripts blanks, quotes, % and $.
 */
function problemsOf(path: string, folder: string): Problem[] {
  if (!folder.startsWith('/')) return [{ path, message: `"${folder}" is not an absolute path` }];
  if (/[\s:,\\"'%$]/.test(folder))
    return [
      {
        path,
        message: `"${folder}" has a character that knest cannot pass on: a blank or one of : , \\ " ' % $`,
      },
    ];
  return [];
}
