/**
 * Whether a mirror has Debian's archive as it was on some day: snapshot.debian.org, or a mirror of it. It has the versions of
 * that day, and its lists of packages are past the time for which they were valid.
 */
export function isSnapshot(mirror: string): boolean {
  return mirror.includes('snapshot');
}
