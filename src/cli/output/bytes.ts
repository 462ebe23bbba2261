/** Bytes for people, in the units of docker and crictl: 4.9MB, 712kB. */

const units = ['B', 'kB', 'MB', 'GB', 'TB'] as const;

export function renderBytes(bytes: number): string {
  const power = Math.min(units.length - 1, bytes < 1 ? 0 : Math.floor(Math.log10(bytes) / 3));
  return `${Number((bytes / 1000 ** power).toPrecision(3))}${units[power] ?? ''}`;
}
