/** tar(1) and gzip(1): a tree of files as a stream. Owners are numbers; capabilities of files go with them. */

const attributes = ['--numeric-owner', '--xattrs', '--xattrs-include=security.capability'];

/** Writes the tree to standard output. The same tree gives the same bytes, wherever it is and by the same programs. */
export function packCommand(root: string): string[] {
  const tar = [
    ...['tar', '--create', '--file=-', '--directory="$0"', '--sort=name', '--format=posix'],
    ...['--pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime', ...attributes, '.'],
  ];
  return ['bash', '-o', 'pipefail', '-c', `${tar.join(' ')} | gzip --no-name`, root];
}

/** Makes the tree of what comes on standard input; the folder must be there. */
export function unpackCommand(target: string): string[] {
  const tar = [
    ...['tar', '--extract', '--file=-', '--directory="$0"', '--same-permissions', '--same-owner'],
    ...attributes,
  ];
  return ['bash', '-o', 'pipefail', '-c', `gzip --decompress --stdout | ${tar.join(' ')}`, target];
}
