/** Which package of which distribution holds a program that knest needs. */

import type { HostFacts } from './types.ts';

/** Package managers by the program that drives them, as found in facts.programs. */
export type PackageManager = 'apt-get' | 'dnf' | 'zypper' | 'pacman';

const managers: readonly PackageManager[] = ['apt-get', 'dnf', 'zypper', 'pacman'];

/** The host's own package manager; undefined where knest knows none. */
export function packageManagerOf(facts: Pick<HostFacts, 'programs'>): PackageManager | undefined {
  return managers.find((manager) => facts.programs[manager] !== undefined);
}

/** What the host may lack: programs by name, and Debian's keyring. */
export const provided = [
  'systemd-nspawn',
  'ip',
  'nft',
  'unshare',
  'nsenter',
  'setpriv',
  'mount',
  'bootstrap',
  'debian-archive-keyring',
] as const;

export type Provided = (typeof provided)[number];

const packages: Record<Provided, Record<PackageManager, string | undefined>> = {
  'systemd-nspawn': named('systemd-container', { pacman: 'systemd' }),
  ip: named('iproute2', { dnf: 'iproute' }),
  nft: named('nftables'),
  unshare: named('util-linux'),
  nsenter: named('util-linux'),
  setpriv: named('util-linux'),
  mount: named('util-linux', { 'apt-get': 'mount' }),
  // mmdebstrap is several times faster, but only Debian and its derivatives surely have it
  bootstrap: named('debootstrap', { 'apt-get': 'mmdebstrap' }),
  'debian-archive-keyring': named('debian-archive-keyring', { dnf: 'debian-keyring', zypper: undefined }),
};

/** The package's name for this host's package manager; undefined where there is no manager or no such package. */
export function packageFor(what: Provided, facts: Pick<HostFacts, 'programs'>): string | undefined {
  const manager = packageManagerOf(facts);
  return manager === undefined ? undefined : packages[what][manager];
}

function named(
  usual: string,
  exceptions: Partial<Record<PackageManager, string | undefined>> = {},
): Record<PackageManager, string | undefined> {
  return { 'apt-get': usual, dnf: usual, zypper: usual, pacman: usual, ...exceptions };
}
