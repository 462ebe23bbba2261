/** ldd(1): the shared libraries of a program. */

export function lddCommand(program: string): string[] {
  return ['ldd', program];
}

/** Paths of the libraries, and of what loads them; none for a program that needs none. */
export function parseLdd(stdout: string): { loader: string; libraries: string[] } | undefined {
  const lines = stdout.split('\n').map((line) => line.trim());
  const libraries = lines.flatMap((line) => /^\S+ => (\/\S+) \(0x/.exec(line)?.[1] ?? []);
  const loader = lines.flatMap((line) => /^(\/\S+) \(0x/.exec(line)?.[1] ?? [])[0];
  return loader === undefined ? undefined : { loader, libraries };
}
