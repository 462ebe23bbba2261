/** A schedule of backups, as text of a config or a flag. */

/** Seconds of "30m", "6h", "1d"; undefined: it is none. */
export function secondsOf(every: string): number | undefined {
  const match = /^(\d{1,6})([smhd])$/.exec(every);
  const unit = { s: 1, m: 60, h: 3600, d: 86_400 }[match?.[2] ?? ''];
  return match && unit !== undefined && Number(match[1]) > 0 ? Number(match[1]) * unit : undefined;
}

export function everyProblem(every: string): string | undefined {
  return secondsOf(every) === undefined ? `"${every}" is no time like 30m, 6h or 1d` : undefined;
}

/** The nodes write it, and know nothing of other machines. */
export function scheduledPlaceProblem(to: string): string | undefined {
  return to.startsWith('/') ? undefined : `"${to}" is no absolute path of a folder of the host`;
}
