import { dirname } from 'node:path';

import type { Host } from './types.ts';

/**
 * Removes a lock (a symbolic link) that a dead process left, unless it has become another one meanwhile. Of several
 * that find it, one after the other looks again and removes it: otherwise a late one would remove the lock that a
 * quicker one has just taken. While the stale lock is there nobody can take it, so what was seen is what is removed.
 * @param seen what it said when its holder was found dead
 */
export async function removeStaleLock(host: Host, path: string, seen: string): Promise<void> {
  const removeIfSame = 'text=$(readlink -- "$1") && [ "$text" = "$2" ] && rm -- "$1"';
  const argv = ['sh', '-c', removeIfSame, 'sh', path, seen];
  // 1: it is another one, or gone
  await host.run(['flock', '--', dirname(path), ...argv], { okExitCodes: [0, 1] });
}
