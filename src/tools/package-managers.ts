/** apt-get(8), dnf(8), zypper(8) and pacman(8): how each installs packages without asking anybody. */

import type { PackageManager } from '../facts/packages.ts';

/** Installs what is not installed yet; never upgrades the rest of the system. */
export function installCommand(manager: PackageManager, packages: readonly string[]): string[] {
  switch (manager) {
    case 'apt-get':
      return [...apt, '--yes', '--no-install-recommends', 'install', '--', ...packages];
    case 'dnf':
      return ['dnf', '--assumeyes', '--setopt=install_weak_deps=False', 'install', '--', ...packages];
    case 'zypper':
      return ['zypper', '--non-interactive', 'install', '--no-recommends', '--', ...packages];
    case 'pacman':
      return ['pacman', '--sync', '--needed', '--noconfirm', '--', ...packages];
  }
}

/**
 * Reads the lists of packages anew; undefined where installing does so itself (dnf, zypper) or where doing so alone
 * is harmful (pacman: new lists with old packages are an unsupported partial upgrade).
 */
export function refreshCommand(manager: PackageManager): string[] | undefined {
  return manager === 'apt-get' ? [...apt, 'update'] : undefined;
}

/** Nobody answers questions: debconf's, nor those of Ubuntu's needrestart. */
export const quietEnvironment = {
  DEBIAN_FRONTEND: 'noninteractive',
  NEEDRESTART_SUSPEND: '1',
} as const;

const apt = [
  'apt-get',
  // waits while unattended-upgrades or another apt works, seconds (apt >= 1.9.11)
  ...['--option', 'DPkg::Lock::Timeout=300'],
  // a configuration file that the administrator changed stays
  ...['--option', 'Dpkg::Options::=--force-confold'],
  // progress goes to a pipe, line by line
  ...['--option', 'Dpkg::Use-Pty=0'],
];
