/** systemd-nspawn(1), asked for its version; all of systemd's programs are of one version. */

export const versionCommand = ['systemd-nspawn', '--version'] as const;

/** The number in "systemd 252 (252.39-1~deb12u2)"; also of "systemd 257~rc1 (...)". */
export function parseSystemdVersion(text: string): number | undefined {
  const match = /^systemd (\d+)/.exec(text);
  return match ? Number(match[1]) : undefined;
}
