/** What the nodes' operating systems come with, as data. */

import { isSnapshot } from '../../formats/debian-mirror.ts';

export interface Suite {
  name: string;
  /** What Debian calls it as well. */
  aliases: readonly string[];
  /** Debian's release number; undefined: it has none yet. */
  debian: number | undefined;
  /** Upstream's versions, without what Debian adds to them. */
  systemd: string;
  containerd: string;
  runc: string;
  etcd: string;
  cniPlugins: string;
}

/** The day on which the versions were read from Debian's package index (main, amd64). Newer packages may be there by now. */
export const suitesRead = '2026-11-26';

/** Oldest first. */
export const suites: readonly Suite[] = [
  {
    name: 'bookworm',
    aliases: ['oldstable'],
    debian: 12,
    systemd: '252.39',
    containerd: '1.6.20',
    runc: '1.1.5',
    etcd: '3.4.23',
    cniPlugins: '1.1.1',
  },
  {
    name: 'trixie',
    aliases: ['stable'],
    debian: 13,
    systemd: '257.13',
    containerd: '1.7.24',
    runc: '1.1.15',
    etcd: '3.5.16',
    cniPlugins: '1.1.1',
  },
  {
    name: 'forky',
    aliases: ['testing'],
    debian: undefined,
    systemd: '262',
    containerd: '2.1.9',
    runc: '1.3.6',
    etcd: '3.5.30',
    cniPlugins: '1.9.1',
  },
  {
    name: 'sid',
    aliases: ['unstable'],
    debian: undefined,
    systemd: '262.1',
    containerd: '2.1.9',
    runc: '1.3.6',
    etcd: '3.5.30',
    cniPlugins: '1.9.1',
  },
];

/**
 * What is known of a suite; undefined for others than these, and where packages come from a snapshot of Debian's archive:
 * it has the versions of its day.
 * @param mirror that the user chose
 */
export function knownSuite(name: string, mirror?: string): Suite | undefined {
  if (mirror !== undefined && isSnapshot(mirror)) return undefined;
  return suites.find((suite) => suite.name === name || suite.aliases.includes(name));
}

/** systemd 258 does not start on cgroup v1 any more (systemd NEWS, "CHANGES WITH 258"; obsolete since 256). */
export const systemdWithoutCgroupV1 = 258;

/** Whether its systemd can be process 1 of a machine that sees cgroup v1. */
export function startsOnCgroupV1({ systemd }: Suite): boolean {
  return Number.parseInt(systemd, 10) < systemdWithoutCgroupV1;
}

/** First containerd that serves each version of the CRI, and first one that does not any more (containerd: RELEASES.md). */
export const criOfContainerd = {
  v1alpha2: { since: '1.1.0', before: '2.0.0' },
  v1: { since: '1.6.0', before: undefined },
} as const;

/** First containerd that answers the CRI call RuntimeConfig (kubernetes.io: "Container Runtimes", KEP-4033). */
export const containerdWithRuntimeConfig = '2.0.0';
