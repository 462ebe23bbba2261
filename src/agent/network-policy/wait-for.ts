export interface Waiting {
  /** Looks again at everything that is waited for. */
  look: () => void;
  /** Until something is so, but no longer than the patience lasts. */
  until: (isSo: () => boolean) => Promise<void>;
}

/** Waits for conditions that can only become true by what calls `look`. @param patience milliseconds */
export function waitFor(patience: number): Waiting {
  const looks = new Set<() => void>();
  return {
    look: () => {
      for (const look of looks) look();
    },
    until: (isSo) =>
      new Promise((resolve) => {
        const done = (): void => {
          clearTimeout(timer);
          looks.delete(look);
          resolve();
        };
        const look = (): void => {
          if (isSo()) done();
        };
        const timer = setTimeout(done, patience);
        looks.add(look);
        look();
      }),
  };
}
