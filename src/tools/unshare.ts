/** unshare(1): namespaces of their own for programs that mount things or leave processes behind. */

/**
 * Runs a command in its own mount and PID namespaces: its mounts are never seen outside and are gone with it, and
 * when it ends (or is killed, or knest is) everything it started ends at once.
 *
 * unshare --fork blocks SIGTERM (util-linux 2.38), so a shell in front turns it into SIGKILL, which --kill-child
 * passes on to process 1 of the PID namespace, and with it to all of that namespace.
 */
export function isolatedCommand(argv: readonly string[]): string[] {
  return ['setpriv', '--pdeathsig', 'TERM', '--', 'sh', '-c', supervise, 'isolated', ...argv];
}

const supervise = [
  'setpriv --pdeathsig KILL -- unshare --mount --pid --fork --kill-child --mount-proc -- "$@" & child=$!',
  `trap 'kill -KILL "$child"' TERM INT HUP`,
  'wait "$child"',
].join('\n');

/** chroot(1) with /proc mounted; only inside isolatedCommand, whose mount namespace forgets the mount. */
export function chrootCommand(root: string, argv: readonly string[]): string[] {
  return ['sh', '-c', 'mount -t proc proc "$0/proc" && exec chroot "$0" "$@"', root, ...argv];
}
