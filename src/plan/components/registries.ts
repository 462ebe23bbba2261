import { stringify } from 'smol-toml';

import { everyRegistry } from '../../spec/registries.ts';
import type { RegistryAccess } from '../../spec/types.ts';
import type { PlannedFile } from '../types.ts';
import { nothing } from './component.ts';
import type { Component } from './component.ts';
import { registryNames } from './local-registry.ts';

/** Where containerd looks, with each pull, how a registry is reached (containerd: docs/hosts.md, 1.5 and later). */
export const registriesFolder = '/etc/containerd/certs.d';

/** How containerd reaches registries: mirrors, certificates, the cluster's own registry. Credentials: containerd.ts */
export const registries: Component = (_machine, cluster) => {
  const entries = cluster.spec.registries ?? [];
  const own = registryNames(cluster);
  return {
    ...nothing,
    files: [
      // of two files with one path the later one counts: what the user says of a host
      ...(own?.hosts ?? []).map((host) => hostsFile(host, { server: own?.url, host: {} })),
      ...entries.flatMap((entry) => filesOf(entry, entries)),
    ],
  };
};

function filesOf(entry: RegistryAccess, all: readonly RegistryAccess[]): PlannedFile[] {
  const { host, mirrors, ca } = entry;
  const server = host === everyRegistry ? undefined : `https://${serverOf(host)}`;
  const hosts = mirrors.map((url) => {
    const mirror = all.find((other) => other.host === new URL(url).host);
    const path = new URL(url).pathname;
    return [
      url,
      {
        capabilities: ['pull', 'resolve'],
        // as it is: containerd puts /v2 behind it otherwise
        ...(path === '/' ? {} : { override_path: true }),
        ...(mirror ? certificatesOf(mirror) : {}),
      },
    ];
  });
  return [
    hostsFile(host, {
      ...(server === undefined ? {} : { server }),
      ...certificatesOf(entry),
      host: Object.fromEntries(hosts) as object,
    }),
    ...(ca === undefined ? [] : [{ path: authorityFile(host), mode: 0o644, content: { text: ca } }]),
  ];
}

/** Docker's own is called otherwise. */
export function serverOf(host: string): string {
  return host === 'docker.io' ? 'registry-1.docker.io' : host;
}

function certificatesOf({ host, ca, skipVerify }: RegistryAccess): object {
  return {
    ...(ca === undefined ? {} : { ca: authorityFile(host) }),
    ...(skipVerify ? { skip_verify: true } : {}),
  };
}

/** @param content with `host`, be it empty: "invalid `host` tree" without (containerd 1.7.24), and it counts for nothing */
function hostsFile(host: string, content: { host: object; [field: string]: unknown }): PlannedFile {
  return {
    path: `${folderOf(host)}/hosts.toml`,
    mode: 0o644,
    content: { text: `${stringify(content).trimEnd()}\n` },
  };
}

function authorityFile(host: string): string {
  return `${folderOf(host)}/ca.crt`;
}

function folderOf(host: string): string {
  return `${registriesFolder}/${host === everyRegistry ? '_default' : host}`;
}
