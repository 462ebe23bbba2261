/** How measured series are told: median, smallest and largest. */

export function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  return ((sorted[Math.floor(middle)] ?? 0) + (sorted[Math.ceil(middle)] ?? 0)) / 2;
}

export function heading(): string {
  return `${''.padEnd(44)}${['median', 'min', 'max'].map((head) => head.padStart(10)).join('')}\n`;
}

export function row(name: string, numbers: readonly number[], unit = ' s', digits = 2): string {
  const show = (value: number): string => `${value.toFixed(digits)}${unit}`.padStart(10);
  return `${name.padEnd(44)}${show(median(numbers))}${show(Math.min(...numbers))}${show(Math.max(...numbers))}\n`;
}
