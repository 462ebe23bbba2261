/** A repository of Debian packages that is one folder (sources.list(5): "deb copy:///folder ./"). */

/**
 * A shell script that writes the index of a folder: `sh -c SCRIPT FOLDER SUITE`. The packages' own words come from
 * dpkg-deb(1). Files in it that are no packages are left alone.
 */
export const flatRepositoryScript = [
  'set -e',
  'export LC_ALL=C',
  'cd -- "$0"',
  'rm -f Packages Release',
  'for file in *.deb; do',
  '  dpkg-deb --field "$file"',
  '  sum=$(sha256sum < "$file")',
  String.raw`  printf 'Filename: ./%s\nSize: %s\nSHA256: %s\n\n' "$file" "$(stat --format=%s -- "$file")" "${'$'}{sum%% *}"`,
  'done > Packages.new',
  'mv Packages.new Packages',
  'sum=$(sha256sum < Packages)',
  String.raw`printf 'Suite: %s\nCodename: %s\nSHA256:\n %s %s Packages\n' "$1" "$1" "${'$'}{sum%% *}" "$(stat --format=%s Packages)" > Release`,
].join('\n');
