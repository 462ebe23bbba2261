/** What a systemd-nspawn that was killed leaves on a host. */

import type { Host } from '../host/types.ts';
import { mountsBelow, umountCommand } from '../tools/mount.ts';

/** Its lock on a root directory: named after the inode of the mounted overlay (systemd: src/shared/discover-image.c). */
export async function nspawnLock(host: Host, root: string): Promise<string[]> {
  const inode = await host.run(['stat', '--format=%d:%i', '--', root], { okExitCodes: 'any' });
  return inode.exitCode === 0 ? [`/run/systemd/nspawn/locks/inode-${inode.stdout.trim()}`] : [];
}

/** Unmounts what is mounted at or below a folder, the deepest first. */
export async function unmountBelow(host: Host, folder: string): Promise<void> {
  const mountinfo = (await host.readFile('/proc/self/mountinfo')) ?? '';
  for (const point of mountsBelow(mountinfo, folder)) await host.run(umountCommand(point));
}

/** Takes away files and folders of its own, and what is mounted there: its place for sockets (systemd 257) is a mount. */
export async function removeTraces(host: Host, paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    await unmountBelow(host, path);
    await host.remove(path);
  }
}
