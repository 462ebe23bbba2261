/** Lines for the journal: a number in front is their priority (sd-daemon(3)). */

export const log = {
  info: (message: string): void => {
    console.log(`<6>${message}`);
  },
  warning: (message: string): void => {
    console.log(`<4>${message}`);
  },
  /** Something that should not happen: with its stack. */
  bug: (error: unknown): void => {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    console.log(text.replaceAll(/^/gm, '<3>'));
  },
};

export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // Node's own: "connect ECONNREFUSED 127.0.0.1:6443"; empty for some (AggregateError)
  return error.message || ((error as NodeJS.ErrnoException).code ?? error.name);
}
