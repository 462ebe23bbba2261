/** /etc/shadow (shadow(5)). */

/** The same file, in which root has this password; a hash, crypt(5). */
export function withRootPassword(shadow: string, hash: string): string {
  const lines = shadow.split('\n');
  const index = lines.findIndex((line) => line.startsWith('root:'));
  // no day of the last change, no ageing
  if (index === -1) return `root:${hash}:::::::\n${shadow}`;
  const [name, , ...rest] = (lines[index] ?? '').split(':');
  return lines.map((line, at) => (at === index ? [name, hash, ...rest].join(':') : line)).join('\n');
}
