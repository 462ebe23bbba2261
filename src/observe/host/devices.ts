/** Devices of the host, and paths of it that a spec names. */

import type { HostPathKind } from '../../facts/types.ts';
import type { Host } from '../../host/types.ts';
import { findDevicesCommand } from '../../tools/find.ts';

/** Device nodes below /dev and links to them, sorted; of other file systems mounted there (pts, shm) none. */
export async function gatherDevices(host: Host): Promise<string[]> {
  // one that vanishes meanwhile is no failure
  const { stdout } = await host.run(findDevicesCommand, { okExitCodes: 'any' });
  return stdout
    .split('\n')
    .filter((path) => path.startsWith('/dev/'))
    .sort();
}

/** The type of a file in st_mode (inode(7)). */
const kinds: Readonly<Record<number, HostPathKind>> = {
  0o01: 'pipe',
  0o02: 'character device',
  0o04: 'directory',
  0o06: 'block device',
  0o10: 'file',
  0o14: 'socket',
};

/** What is at each path, links followed. */
export async function lookAtPaths(
  host: Host,
  paths: readonly string[],
): Promise<Readonly<Record<string, HostPathKind>>> {
  if (paths.length === 0) return {};
  // exits 1 for paths that are not there; %f: st_mode in hexadecimal digits (stat(1))
  const argv = ['stat', '--dereference', '--format', '%f %n', '--', ...paths];
  const { stdout } = await host.run(argv, { okExitCodes: [0, 1] });
  const found = stdout.split('\n').map((line): [string, HostPathKind] => {
    const [mode = '', ...name] = line.split(' ');
    return [name.join(' '), kinds[Number.parseInt(mode, 16) >> 12] ?? 'missing'];
  });
  return { ...Object.fromEntries(paths.map((path) => [path, 'missing'])), ...Object.fromEntries(found) };
}
