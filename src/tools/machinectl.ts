/** machinectl(1): machines as systemd-machined knows them. Asked for properties, never for tables. */

/** Process id of the machine's process 1; exits 1 when no such machine runs. */
export function machineLeaderCommand(machine: string): string[] {
  return ['machinectl', 'show', '--property=Leader', '--value', '--', machine];
}

/** undefined: the answer names none. */
export function parseLeader(text: string): number | undefined {
  const pid = Number(text.trim());
  return Number.isInteger(pid) && pid > 0 ? pid : undefined;
}
