/** Where systemd looks for things, and what knest calls its own there. */

import { mountUnitName } from '../../../formats/unit-name.ts';

export const unitFolder = '/etc/systemd/system';

/** What `systemctl set-property` writes, for ever and until the next boot (systemd.unit(5)). */
export const propertyFolders = ['/etc/systemd/system.control', '/run/systemd/system.control'] as const;

/** machinectl(1) sees machines whose root is here. */
export function machineRoot(machine: string): string {
  return `/var/lib/machines/${machine}`;
}

/** The host's own template; `machinectl start NAME` starts the same unit. */
export function machineUnit(machine: string): string {
  return `systemd-nspawn@${machine}.service`;
}

export function machineMount(machine: string): string {
  return mountUnitName(machineRoot(machine));
}

/** All of a cluster: `systemctl stop knest-NAME.target`. */
export function clusterTarget(cluster: string): string {
  return `knest-${cluster}.target`;
}

export function networkUnit(cluster: string): string {
  return `knest-${cluster}-network.service`;
}

/** Sets the network up again when a firewall has begun anew. */
export function rulesUnit(cluster: string): string {
  return `knest-${cluster}-rules.service`;
}

/** What is run when a machine has ended that shares the host's network. @param folder the cluster's */
export function sweepScript(folder: string): string {
  return `${folder}/network/sweep.sh`;
}

/** First words of every file that knest writes on a host: what lacks them belongs to somebody else. */
export const written = 'Written by knest';
