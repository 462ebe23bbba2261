/** debootstrap(8): makes a minimal Debian root file system; the tool that every Debian derivative has. */

export interface DebootstrapOptions {
  suite: string;
  target: string;
  /** undefined: debootstrap's own default. */
  mirror: string | undefined;
}

/**
 * Only the minimal system: debootstrap has no dependency solver (it knows no alternatives, no virtual packages and
 * one suite), so everything else is installed by apt afterwards.
 */
export function debootstrapCommand({ suite, target, mirror }: DebootstrapOptions): string[] {
  return ['debootstrap', '--variant=minbase', suite, target, ...(mirror === undefined ? [] : [mirror])];
}

/** "I: Unpacking libc6:amd64..." -> "Unpacking libc6:amd64"; undefined for lines that are no news. */
export function debootstrapProgress(line: string): string | undefined {
  return /^I: (.*?)(\.\.\.)?$/.exec(line.trim())?.[1];
}
