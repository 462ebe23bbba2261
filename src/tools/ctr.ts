/** ctr, containerd's own client, inside a machine. */

/** Reads an archive of images from standard input; k8s.io is the namespace of the CRI plugin. */
export function importImagesCommand(): string[] {
  return ['ctr', '--namespace', 'k8s.io', 'images', 'import', '-'];
}
