/** A program of a machine's layers, run on the host while the machine does not run; with mount(8) and chroot(1). */

import { isolatedCommand } from './unshare.ts';

export interface LayeredRun {
  /** Folders of the layers, topmost first; read only. */
  layers: readonly string[];
  /** An empty folder where they are seen while it runs, by this program alone. */
  root: string;
  /** Folders of the host -> where the program sees them: an empty folder of the layers. */
  binds: Readonly<Record<string, string>>;
  argv: readonly string[];
}

/** Folders that Debian has for others' file systems, and that are empty in a layer. */
export const emptyFolders = { first: '/mnt', second: '/srv' } as const;

/** The mounts are in a namespace of their own: nobody else sees them, and they are gone with the program. */
export function layeredCommand({ layers, root, binds, argv }: LayeredRun): string[] {
  const [lowest = '', ...others] = [...layers].reverse();
  const mount =
    others.length === 0
      ? ['mount', '--bind', '-o', 'ro', '--', lowest, root]
      : ['mount', '-t', 'overlay', '-o', `ro,lowerdir=${layers.join(':')}`, '--', 'overlay', root];
  const mounts = Object.entries(binds).map(([source, target]) => [
    ...['mount', '--bind', '--', source, `${root}${target}`],
  ]);
  // of each command as many words as are said before it
  const steps = [mount, ...mounts].flatMap((command) => [String(command.length), ...command]);
  return isolatedCommand(['sh', '-c', inOrder, root, ...steps, '0', ...argv]);
}

const inOrder = [
  'while count=$1; shift; [ "$count" -gt 0 ]; do',
  '  command=""; i=1',
  '  while [ "$i" -le "$count" ]; do command="$command \\"\\${$i}\\""; i=$((i + 1)); done',
  '  eval "$command" || exit',
  '  shift "$count"',
  'done',
  'exec chroot "$0" "$@"',
].join('\n');
