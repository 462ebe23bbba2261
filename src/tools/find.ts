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

/** A file as it is, links not followed. */
export interface FoundFile {
  path: string;
  /** find's letter: f, d, l, ... */
  kind: string;
  mode: number;
  /** Of a link: where it leads. */
  link: string;
}

/** What is at paths; of those where nothing is, nothing is said on stdout, and find exits 1. */
export function findFilesCommand(paths: readonly string[]): string[] {
  return ['find', ...paths, '-maxdepth', '0', '-printf', '%y\\t%m\\t%l\\t%p\\n'];
}

export function parseFoundFiles(stdout: string): FoundFile[] {
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [kind = '', mode = '', link = '', ...path] = line.split('\t');
      return { kind, mode: parseInt(mode, 8), link, path: path.join('\t') };
    });
}
