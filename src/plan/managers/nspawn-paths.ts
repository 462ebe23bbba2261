/** systemd-nspawn(1), "unix-export" (systemd 256): where the host finds sockets of a machine. A mount. */
export function socketsFolder(machine: string): string {
  return `/run/systemd/nspawn/unix-export/${machine}`;
}

/** What systemd-nspawn keeps for a machine on the host, and leaves there when it is killed. */
export function nspawnPlaces(machine: string): string[] {
  return [`/run/systemd/nspawn/propagate/${machine}`, socketsFolder(machine)];
}
