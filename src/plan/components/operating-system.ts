import { createHash } from 'node:crypto';

import { renderUnit } from '../../formats/systemd-unit.ts';
import type { PlannedFile, PlannedUnit } from '../types.ts';
import type { Component, ClusterContext, MachineContext } from './component.ts';
import { k8sTarget } from './component.ts';

/** Debian itself: name, what a boot in systemd-nspawn needs, and the target that groups Kubernetes. */
export const operatingSystem: Component = (machine, cluster) => ({
  files: [
    text('/etc/hostname', `${machine.name}\n`),
    text('/etc/hosts', hosts(cluster)),
    text('/etc/machine-id', `${machineId(machine, cluster)}\n`),
    text('/etc/resolv.conf', resolvConf(machine, cluster)),
    text('/etc/systemd/system.conf.d/10-knest.conf', manager),
    text('/etc/systemd/journald.conf.d/10-knest.conf', journal),
    ...[...useless, ...(cluster.spec.network.mode === 'host' ? hostsBusiness : [])].map((unit) =>
      link(`/etc/systemd/system/${unit}`, '/dev/null'),
    ),
  ],
  units: [target],
  certificates: [],
  probes: [],
});

const target: PlannedUnit = {
  name: k8sTarget,
  wantedBy: 'multi-user.target',
  text: renderUnit({
    Unit: { Description: 'Kubernetes', Documentation: 'https://kubernetes.io/docs/concepts/architecture/' },
  }),
};

/** What the image's own masks leave and a node has no use for; the first two bring gettys to a console that is a log. */
const useless = [
  'getty.target',
  'systemd-user-sessions.service',
  'systemd-update-utmp.service',
  'systemd-update-utmp-runlevel.service',
];

/** On the host's network: its links and settings are not the machine's to manage. */
const hostsBusiness = [
  'systemd-networkd.service',
  'systemd-networkd.socket',
  'systemd-networkd-wait-online.service',
  'systemd-sysctl.service',
];

const manager = renderUnit({
  Manager: {
    // pods' processes ignore the SIGTERM that systemd sends them at poweroff: by default that takes 90 s
    DefaultTimeoutStopSec: '10s',
    DefaultTasksMax: 'infinity',
    // components are restarted until those they need are there, however long that takes
    DefaultStartLimitIntervalSec: '0',
  },
});

const journal = renderUnit({
  Journal: {
    Storage: 'persistent',
    SystemMaxUse: '256M',
    RateLimitIntervalSec: '0',
    // a machine's /dev/kmsg is /dev/null, which nobody can wait for: systemd 262 fails with that
    ReadKMsg: 'no',
  },
});

function hosts(cluster: ClusterContext): string {
  const nodes = cluster.machines
    .flatMap(({ name, addresses }) => addresses.map(({ address }) => `${address} ${name}\n`))
    .join('');
  return `127.0.0.1 localhost\n::1 localhost ip6-localhost\n${nodes}`;
}

/** With DHCP, what the LAN's server says comes before what the host has. */
function resolvConf({ lan }: MachineContext, { facts, spec }: ClusterContext): string {
  const { nameservers = [], searchDomains = [] } = lan?.lease ?? {};
  const domains = spec.network.dnsSearch ?? (searchDomains.length > 0 ? searchDomains : facts.searchDomains);
  const search = domains.length > 0 ? `search ${domains.join(' ')}\n` : '';
  const servers = nameservers.length > 0 ? nameservers.slice(0, 3) : facts.nameservers;
  return search + servers.map((server) => `nameserver ${server}\n`).join('');
}

/** The same machine on the same host always gets the same id, others another (machine-id(5)). */
function machineId(machine: MachineContext, cluster: ClusterContext): string {
  const seed = ['knest', cluster.facts.machineId ?? '', cluster.name, machine.name].join('/');
  return createHash('sha256').update(seed).digest('hex').slice(0, 32);
}

function text(path: string, content: string): PlannedFile {
  return { path, mode: 0o644, content: { text: content } };
}

function link(path: string, to: string): PlannedFile {
  return { path, mode: 0o777, content: { link: to } };
}
