/** networkctl(1) of systemd-networkd. */

/** Makes it read its .network files again, where it runs. */
export function reloadNetworkdCommand(): string[] {
  return ['networkctl', 'reload'];
}
