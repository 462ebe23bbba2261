/** ctr, containerd's own client, inside a machine. */

/** Reads an archive of images from standard input; k8s.io is the namespace of the CRI plugin. */
export function importImagesCommand(): string[] {
  return ['ctr', '--namespace', 'k8s.io', 'images', 'import', '-'];
}

/** The command with a file of the host as its standard input. */
export function withInputFile(file: string, argv: readonly string[]): string[] {
  return ['sh', '-c', 'file=$0; exec "$@" < "$file"', file, ...argv];
}
