/** A schedule of backups, as text of a config or a flag. */

import { parseDuration } from '../formats/duration.ts';

/** Seconds of "30m", "6h", "1d"; undefined: it is none. */
export function secondsOf(every: string): number | undefined {
  const milliseconds = /^\d{1,6}[smhd]$/.test(every) ? parseDuration(every) : undefined;
  return milliseconds === undefined || milliseconds === 0 ? undefined : milliseconds / 1000;
}

export function everyProblem(every: string): string | undefined {
  return secondsOf(every) === undefined ? `"${every}" is no time like 30m, 6h or 1d` : undefined;
}

/** The nodes write it, and know nothing of other machines. */
export function scheduledPlaceProblem(to: string): string | undefined {
  return to.startsWith('/') ? undefined : `"${to}" is no absolute path of a folder of the host`;
}
