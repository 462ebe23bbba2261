/**
 * flock(1): a command that runs while no other does so with the same file or directory. The kernel ends the lock with
 * the command, however that ends.
 */
export function withFileLock(path: string, argv: readonly string[]): string[] {
  return ['flock', '--', path, ...argv];
}
