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

/** The tree to standard output as it is, not compressed. Files that change or go while they are read are no failure (1). */
export function plainPackCommand(root: string): string[] {
  return [
    'tar',
    '--create',
    '--file=-',
    `--directory=${root}`,
    '--format=posix',
    '--sparse',
    ...allAttributes,
    '.',
  ];
}

/** The tree of what comes on standard input, as plainPackCommand writes it; the folder must be there. */
export function plainUnpackCommand(target: string): string[] {
  const same = ['--same-permissions', '--same-owner', '--delay-directory-restore'];
  return ['tar', '--extract', '--file=-', `--directory=${target}`, ...same, ...allAttributes];
}

const allAttributes = ['--numeric-owner', '--acls', '--xattrs', '--xattrs-include=*'];
