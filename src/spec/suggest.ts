/** Did you mean ...? */

/** The candidate closest to what was written, when it is close enough to be a slip of the fingers. */
export function closest(written: string, candidates: readonly string[]): string | undefined {
  const limit = Math.max(1, Math.floor(written.length / 3));
  const ranked = candidates
    .map((candidate) => ({
      candidate,
      distance: editDistance(written.toLowerCase(), candidate.toLowerCase()),
    }))
    .filter(({ distance }) => distance <= limit)
    .sort((a, b) => a.distance - b.distance);
  return ranked[0]?.candidate;
}

/** "did you mean "trixie"?", or nothing when no candidate is close. */
export function didYouMean(written: string, candidates: readonly string[]): string | undefined {
  const candidate = closest(written, candidates);
  return candidate === undefined ? undefined : `did you mean "${candidate}"?`;
}

/** Damerau-Levenshtein (optimal string alignment): how many letters to add, drop, change or swap. */
export function editDistance(a: string, b: string): number {
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const current = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      current.push(
        Math.min(
          (previous[j] ?? 0) + 1,
          (current[j - 1] ?? 0) + 1,
          (previous[j - 1] ?? 0) + cost,
          swapped ? (beforePrevious[j - 2] ?? 0) + 1 : Infinity,
        ),
      );
    }
    beforePrevious = previous;
    previous = current;
  }
  return previous[b.length] ?? 0;
}
