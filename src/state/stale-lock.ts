import { dirname } from 'node:path';

import type { Host } from '../host/types.ts';
import { withFileLock } from '../tools/flock.ts';

/**
 * Removes a lock that a dead process left, unless it has become another one meanwhile. Of several that find it, one
 * after the other looks again and removes it: otherwise a late one would remove the lock that a quicker one has just
 * taken. While the stale lock is there nobody can take it, so what was seen is what is removed.
 * @param read program that prints what the lock says: readlink(1) of a link, cat(1) of a file
 * @param seen what it said when its holder was found dead
 */
export async function removeStaleLock(
  host: Host,
  path: string,
  read: 'readlink' | 'cat',
  seen: string,
): Promise<void> {
  const removeIfSame = 'text=$("$1" -- "$2") && [ "$text" = "$3" ] && rm -- "$2"';
  const argv = ['sh', '-c', removeIfSame, 'sh', read, path, seen.trimEnd()];
  // 1: it is another one, or gone
  await host.run(withFileLock(dirname(path), argv), { okExitCodes: [0, 1] });
}
