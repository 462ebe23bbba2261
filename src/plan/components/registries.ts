import { stringify } from 'smol-toml';

import { everyRegistry } from '../../spec/registries.ts';
import { authorizationSecret, secretMark } from '../../spec/secrets.ts';
import type { RegistryAccess } from '../../spec/types.ts';
import type { PlannedFile } from '../types.ts';
import { containerdTraits } from '../versions/components.ts';
import { nothing } from './component.ts';
import type { Component } from './component.ts';
import { registryNames } from './local-registry.ts';

/** Where containerd looks, with each pull, how a registry is reached (containerd: docs/hosts.md, 1.5 and later). */
export const registriesFolder = '/etc/containerd/certs.d';

/**
 * How containerd reaches registries: mirrors, certificates, the cluster's own registry. Credentials are here since containerd
 * 2.1; before, in containerd-config.ts.
 */
export const registries: Component = (machine, cluster) => {
  const { authorizationHeaders } = containerdTraits(machine.components.containerd.version);
  const entries = cluster.spec.registries ?? [];
  const own = registryNames(cluster);
  return {
    ...nothing,
    files: [
      // of two files with one path the later one counts: what the user says of a host
      ...(own?.hosts ?? []).map((host) => hostsFile(host, { server: own?.url, host: {} })),
      ...entries.flatMap((entry) => filesOf(entry, entries, authorizationHeaders)),
    ],
  };
};

function filesOf(entry: RegistryAccess, all: readonly RegistryAccess[], headers: boolean): PlannedFile[] {
  const { host, mirrors, ca } = entry;
  const server = host === everyRegistry ? undefined : `https://${serverOf(host)}`;
  const hosts = mirrors.map((url) => {
    const mirror = mirrorOf(url, all);
    const path = new URL(url).pathname;
    return [
      url,
      {
        capabilities: ['pull', 'resolve'],
        // as it is: containerd puts /v2 behind it otherwise
        ...(path === '/' ? {} : { override_path: true }),
        ...(mirror ? certificatesOf(mirror) : {}),
        ...(mirror && headers ? headerOf(mirror) : {}),
      },
    ];
  });
  const asked = [entry, ...mirrors.flatMap((url) => mirrorOf(url, all) ?? [])];
  const secrets = headers
    ? asked.flatMap((one) => (one.credentials ? [authorizationSecret(one.host)] : []))
    : [];
  return [
    hostsFile(
      host,
      {
        ...(server === undefined ? {} : { server }),
        ...certificatesOf(entry),
        ...(headers ? headerOf(entry) : {}),
        host: Object.fromEntries(hosts) as object,
      },
      [...new Set(secrets)],
    ),
    ...(ca === undefined ? [] : [{ path: authorityFile(host), mode: 0o644, content: { text: ca } }]),
  ];
}

function mirrorOf(url: string, all: readonly RegistryAccess[]): RegistryAccess | undefined {
  return all.find(({ host }) => host === new URL(url).host);
}

/**
 * Sent to the registry, and to the server that gives out tokens for it where it wants tokens. The name must be written like
 * this: containerd takes names as they are, and HTTP's own code looks for this one.
 */
function headerOf({ host, credentials }: RegistryAccess): object {
  return credentials ? { header: { Authorization: secretMark(authorizationSecret(host)) } } : {};
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
function hostsFile(
  host: string,
  content: { host: object; [field: string]: unknown },
  secrets: readonly string[] = [],
): PlannedFile {
  const path = `${folderOf(host)}/hosts.toml`;
  const text = `${stringify(content).trimEnd()}\n`;
  // only root may read it when there are passwords in it
  return secrets.length === 0
    ? { path, mode: 0o644, content: { text } }
    : { path, mode: 0o600, content: { text, secrets } };
}

function authorityFile(host: string): string {
  return `${folderOf(host)}/ca.crt`;
}

function folderOf(host: string): string {
  return `${registriesFolder}/${host === everyRegistry ? '_default' : host}`;
}
