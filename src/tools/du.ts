/** du(1): what files and folders take on the disk. */

/** Several names of one file count once. */
export function duCommand(paths: readonly string[]): string[] {
  return ['du', '--summarize', '--one-file-system', '--block-size=1', '--null', '--', ...paths];
}

/** Bytes by path, of those that were there. */
export function parseDu(stdout: string): Map<string, number> {
  return new Map(
    stdout.split('\0').flatMap((line): [string, number][] => {
      const [, bytes, path] = /^(\d+)\t([^]+)$/.exec(line) ?? [];
      return path === undefined ? [] : [[path, Number(bytes)]];
    }),
  );
}
