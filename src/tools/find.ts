/** find(1): device nodes, and removing what is empty. */

/** Device nodes below /dev and links to them; other file systems that are mounted there (pts, shm) are left out. */
export const findDevicesCommand = [
  ...['find', '/dev', '-xdev', '(', '-type', 'c', '-o', '-type', 'b', '-o', '-type', 'l', ')'],
] as const;

/**
 * Removes those of the paths that are empty directories or files, in this order; exits 1 when one of them is not there.
 * @param paths what is in a directory comes before it
 */
export function removeEmptyCommand(paths: readonly string[]): string[] {
  return ['find', ...paths, '-maxdepth', '0', '-empty', '-delete'];
}
