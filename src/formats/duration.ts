/** Durations as people write them. */

const millisecondsPerUnit: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  y: 365 * 86_400_000,
};

/**
 * Reads a duration as Go writes it, and days and years of 365 of them: "30s", "5m", "1h30m", "1.5s", "500ms", "30d", "10y";
 * "0" needs no unit.
 * @returns milliseconds, or undefined when the text is no duration.
 */
export function parseDuration(text: string): number | undefined {
  if (text === '0') return 0;
  if (!/^(\d+(\.\d+)?(ms|s|m|h|d|y))+$/.test(text)) return undefined;
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d|y)/g)];
  return parts.reduce(
    (sum, [, number, unit]) => sum + Number(number) * (millisecondsPerUnit[unit ?? ''] ?? 0),
    0,
  );
}
