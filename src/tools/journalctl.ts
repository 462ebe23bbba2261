/** journalctl(1) of the host. */

/** The end of what a unit's processes have printed, a line each. */
export function unitJournalCommand(unit: string, lines: number): string[] {
  return ['journalctl', '--no-pager', '--quiet', '--output=cat', `--unit=${unit}`, `--lines=${lines}`];
}
