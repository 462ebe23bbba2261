/** Versions of systemd that knest needs. */

/** Oldest systemd-nspawn with everything that machines use: --bind to files, cgroup v2 by environment, .nspawn keys. */
export const oldestNspawn = 247;

/** Oldest systemd that has been tried as the manager of machines: Debian 12. */
export const oldestManagingSystemd = 252;
