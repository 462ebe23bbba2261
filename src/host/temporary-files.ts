import { basename, dirname } from 'node:path';

import type { Host } from './types.ts';

/**
 * What Host.writeFile leaves beside a file when knest is killed between writing and renaming. Only for a holder of
 * the lock under which the file is written: otherwise somebody's may be under way.
 */
export async function removeTemporaryFiles(host: Host, path: string): Promise<void> {
  const folder = dirname(path);
  const names = await host.list(folder);
  const start = `${basename(path)}.`;
  const left = names.filter(
    (name) => name.startsWith(start) && /^\d+-[0-9a-f]{8}\.tmp$/.test(name.slice(start.length)),
  );
  await Promise.all(left.map((name) => host.remove(`${folder}/${name}`)));
}
