/**
 * Which versions of containerd, runc, the CNI plugins and etcd go with which Kubernetes, and what differs between them.
 * Those that are taken from releases were the newest of their lines when this was written: raise them here.
 */

import semver from 'semver';

import { minorOf, valueAt } from './facts.ts';
import type { Topic } from './facts.ts';

/** By Kubernetes' minor version. */
export const componentTopics = {
  containerd: {
    what: 'containerd that is taken from its releases',
    facts: [
      {
        until: 31,
        value: '1.7.34',
        source:
          'containerd: RELEASES.md (August 2026): the last line with CRI v1alpha2, kept up for 1.30 to 1.32',
      },
      {
        since: 32,
        value: '2.3.4',
        source: 'containerd: RELEASES.md (August 2026): line with long-term support until April 2028',
      },
    ],
  } satisfies Topic<string>,
  etcd: {
    what: 'etcd that is taken from its releases',
    facts: [
      { until: 33, value: '3.5.33', source: 'kubeadm runs etcd 3.5 until v1.33 (DefaultEtcdVersion)' },
      { since: 34, value: '3.6.14', source: 'kubeadm runs etcd 3.6 from v1.34 on (DefaultEtcdVersion)' },
    ],
  } satisfies Topic<string>,
  leastEtcd: {
    what: 'kube-apiserver: the oldest etcd that it works with',
    facts: [
      {
        value: '3.4.0',
        source:
          'staging/src/k8s.io/apiserver/pkg/storage/feature/feature_support_checker.go v1.36: ' +
          'what 3.4 and early 3.5 lack is done without',
      },
    ],
  } satisfies Topic<string>,
} as const;

/** A value that holds from a version of a component on. */
interface Since<T> {
  since: string;
  value: T;
  source: string;
}

/** Newest first: the runc that a line of containerd is tested with; it should be at least this (containerd: docs/RUNC.md). */
export const runcOfContainerd: readonly Since<string>[] = [
  { since: '2.3.0', value: '1.4.3', source: 'containerd: script/setup/runc-version v2.3.4' },
  {
    since: '0.0.0',
    value: '1.3.6',
    source: 'containerd: script/setup/runc-version v1.7.34, v2.0.11, v2.2.7',
  },
];

/** Newest CNI plugins; those before 1.9.0 have a flaw in portmap, which knest does not use with nftables (CVE-2025-67499). */
export const cniPluginsRelease = {
  value: '1.9.1',
  source: 'build/dependencies.yaml v1.36; go.mod of containerd v2.3.4',
} as const;

/** Newest first: the format of containerd's config.toml; older ones are read as well. */
export const containerdFormats: readonly Since<2 | 3 | 4>[] = [
  { since: '2.3.0', value: 4, source: 'containerd: ConfigVersion in version/version.go v2.3.0' },
  { since: '2.0.0', value: 3, source: 'containerd: ConfigVersion in version/version.go v2.0.0' },
  { since: '0.0.0', value: 2, source: 'containerd: docs/cri/config.md' },
];

export type ContainerdFormat = (typeof containerdFormats)[number]['value'];

/** What differs between versions of containerd: components ask here. */
export interface ContainerdTraits {
  format: ContainerdFormat;
  /** `bin_dirs` is a list; `bin_dir` before (RELEASES.md: deprecated in 2.1). */
  cniBinDirs: boolean;
  /**
   * Headers of hosts.toml go to the registry and to the server that gives out tokens for it (WithAuthHeader in
   * core/remotes/docker/config/hosts.go, v2.1.0). Before, passwords must be in config.toml: `registry.configs`, which is
   * deprecated and to go in 2.4.
   */
  authorizationHeaders: boolean;
  /** `registry.mirrors`, `configs` and `auths` of config.toml are gone (RELEASES.md: announced for 2.4). */
  withoutRegistryTables: boolean;
}

/** @param version undefined: one that nobody knows; the oldest format is read by all of them so far */
export function containerdTraits(version: string | undefined): ContainerdTraits {
  const isSince = (since: string): boolean => version !== undefined && semver.gte(version, since);
  return {
    format: containerdFormats.find(({ since }) => isSince(since))?.value ?? 2,
    cniBinDirs: isSince('2.1.0'),
    authorizationHeaders: isSince('2.1.0'),
    withoutRegistryTables: isSince('2.4.0'),
  };
}

/** The release of containerd or etcd to take for a version of Kubernetes. */
export function recommendedFor(component: 'containerd' | 'etcd', kubernetesVersion: string): string {
  return valueAt(componentTopics[component], minorOf(kubernetesVersion));
}

/** The runc that a containerd should have at least; undefined: nobody knows the containerd. */
export function runcFor(containerd: string | undefined): string | undefined {
  if (containerd === undefined) return undefined;
  return runcOfContainerd.find(({ since }) => semver.gte(containerd, since))?.value;
}
