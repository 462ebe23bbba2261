import { dirname, resolve } from 'node:path';

import type { Host } from '../host/types.ts';

/** As many as the kernel follows (path_resolution(7)). */
const mostLinks = 40;

/** Where a path ends when its last part is a link, or a link to a link; undefined: they lead in a circle. */
export async function behindLinks(local: Host, path: string): Promise<string | undefined> {
  let file = path;
  for (let links = 0; links <= mostLinks; links += 1) {
    const target = await local.readLink(file);
    if (target === undefined) return file;
    file = resolve(dirname(file), target);
  }
  return undefined;
}

/**
 * Whether it is a file that can be read again and from any place. A pipe has its content once: a fifo, /dev/stdin, or
 * what a shell makes of <(...).
 */
export async function isRegularFile(local: Host, path: string): Promise<boolean> {
  const file = await behindLinks(local, path);
  return file !== undefined && (await local.stat(file))?.kind === 'file';
}
