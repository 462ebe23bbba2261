/** sha256sum(1), which reads large files faster than knest would, and beside it. */

/** Digests of files, in their order: see parseSha256. */
export function sha256Command(files: readonly string[]): string[] {
  return ['sha256sum', '--', ...files];
}

/** 64 hexadecimal digits for each file of the command. */
export function parseSha256(stdout: string): string[] {
  // a backslash in front tells of a name that is written differently
  return stdout.split('\n').map((line) => line.replace(/^\\/, '').slice(0, 64));
}
