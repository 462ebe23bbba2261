/** chown(1). */

/** Gives a file the owner and group of another one. */
export function sameOwnerCommand(path: string, reference: string): string[] {
  return ['chown', `--reference=${reference}`, '--', path];
}
