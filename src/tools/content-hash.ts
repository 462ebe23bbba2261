/**
 * What is in a tree of files, as one digest: the same for two trees that nobody can tell apart from the inside. find(1),
 * stat(1) and sha256sum(1) list it; perl(1), which every Debian has, reads capabilities of files, for which there is no
 * other program that is always there.
 */

/**
 * Prints a sha256. It is that of a list, sorted by bytes, of lines that end with NUL: of each entry its path, type,
 * permissions, owner, group and where it links to; of each device its numbers; of each file the sha256 of its content, and
 * its capabilities. Times, inodes and hard links are not in it.
 * @param arch Go's name of the host's architecture
 */
export function contentHashCommand(root: string, arch: string): string[] {
  return ['bash', '-o', 'pipefail', '-ec', script, root, String(getxattr[arch] ?? 0)];
}

/** Numbers of the system call lgetxattr (asm/unistd.h). */
const getxattr: Readonly<Record<string, number>> = {
  amd64: 192,
  arm64: 9,
  riscv64: 9,
  ppc64le: 213,
  s390x: 228,
};

const capabilities = [
  'BEGIN { $call = shift @ARGV; $call or die "capabilities of files cannot be read on this architecture\\n" }',
  'chomp;',
  'my $name = "security.capability";',
  'my $value = "\\0" x 64;',
  'my $length = syscall($call + 0, $_, $name, $value, 64);',
  'print "$_\\tcapabilities ", unpack("H*", substr($value, 0, $length)), "\\0" if $length > 0;',
].join(' ');

const script = [
  'export LC_ALL=C',
  'cd -- "$0"',
  '{',
  `  find . -printf '%p\\t%y %m %U %G %l\\0'`,
  `  find . '(' -type b -o -type c ')' -exec stat --printf '%n\\tdevice %t:%T\\0' -- {} +`,
  `  find . -type f -exec sha256sum --zero -- {} + | sed -z 's/^\\([0-9a-f]*\\)  \\(.*\\)$/\\2\\tsha256 \\1/'`,
  `  find . -type f -perm /111 -print0 | perl -0ne '${capabilities}' "$1"`,
  '} | sort -z | sha256sum',
].join('\n');
