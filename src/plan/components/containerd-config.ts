/** /etc/containerd/config.toml, in the format of the node's containerd. */

import { stringify } from 'smol-toml';

import { applyPatches } from '../../formats/merge-patch.ts';
import { registrySecret, secretMark } from '../../spec/secrets.ts';
import { pauseImage } from '../image.ts';
import type { PlannedFile } from '../types.ts';
import { containerdTraits } from '../versions/components.ts';
import type { ContainerdTraits } from '../versions/components.ts';
import type { ClusterContext, MachineContext } from './component.ts';
import { criPlugin, fitPatch, imagesPlugin, runtimePlugin } from './containerd-patches.ts';
import { registriesFolder, serverOf } from './registries.ts';
import { cdiSettings, runtimeTables } from './runtimes.ts';

export const containerdConfigFile = '/etc/containerd/config.toml';

/** Only root may read the file when there are passwords in it. */
export function containerdConfig(machine: MachineContext, cluster: ClusterContext): PlannedFile {
  const traits = containerdTraits(machine.components.containerd.version);
  const own = traits.format === 2 ? inVersion2(machine, cluster) : sinceVersion3(machine, cluster, traits);
  const patches = cluster.spec.components.containerd.configPatches.flatMap((one) => {
    const { patch } = fitPatch(one, traits);
    return patch ? [patch] : [];
  });
  const text = stringify(applyPatches(own, patches)) + '\n';
  const secrets = traits.authorizationHeaders
    ? []
    : (cluster.spec.registries ?? []).flatMap(({ host, credentials }) =>
        credentials ? [registrySecret(host)] : [],
      );
  return secrets.length === 0
    ? { path: containerdConfigFile, mode: 0o644, content: { text } }
    : { path: containerdConfigFile, mode: 0o600, content: { text, secrets } };
}

/** What containerd 1.5 to 1.7 read (containerd: docs/cri/config.md), and later ones as well, as something old. */
function inVersion2(machine: MachineContext, cluster: ClusterContext) {
  const { facts } = cluster;
  return {
    version: 2,
    disabled_plugins: snapshotters('aufs', 'btrfs', 'devmapper', 'zfs'),
    plugins: {
      [criPlugin]: {
        sandbox_image: pauseImage,
        restrict_oom_score_adj: restrictOomScoreAdj(facts),
        containerd: { snapshotter: 'overlayfs', ...runtimes(cluster) },
        ...cdiSettings(machine),
        cni: { bin_dir: '/opt/cni/bin', conf_dir: '/etc/cni/net.d' },
        registry: { config_path: registriesFolder, ...registryConfigs(cluster) },
      },
    },
  };
}

/** containerd 2: the CRI is two plugins, one for images and one for containers. Version 4 moved nothing that is said here. */
function sinceVersion3(
  machine: MachineContext,
  cluster: ClusterContext,
  { format, cniBinDirs, authorizationHeaders }: ContainerdTraits,
) {
  const { facts } = cluster;
  const programs = '/opt/cni/bin';
  return {
    version: format,
    disabled_plugins: snapshotters('btrfs', 'devmapper', 'zfs'),
    plugins: {
      [imagesPlugin]: {
        snapshotter: 'overlayfs',
        pinned_images: { sandbox: pauseImage },
        registry: {
          config_path: registriesFolder,
          ...(authorizationHeaders ? {} : registryConfigs(cluster)),
        },
      },
      [runtimePlugin]: {
        restrict_oom_score_adj: restrictOomScoreAdj(facts),
        containerd: runtimes(cluster),
        ...cdiSettings(machine),
        cni: {
          ...(cniBinDirs ? { bin_dirs: [programs] } : { bin_dir: programs }),
          conf_dir: '/etc/cni/net.d',
        },
      },
    },
  };
}

/** None of them can work on an overlay's directories, and each is probed at start. */
function snapshotters(...names: readonly string[]): string[] {
  return names.map((name) => `io.containerd.snapshotter.v1.${name}`);
}

/**
 * Without CAP_SYS_RESOURCE nobody may lower oom_score_adj, and the sandbox wants -998: runc then fails with "can't get
 * final child's PID from pipe: EOF".
 */
function restrictOomScoreAdj({ capabilities }: ClusterContext['facts']): boolean {
  return !capabilities.includes('CAP_SYS_RESOURCE');
}

function runtimes(cluster: ClusterContext) {
  return { default_runtime_name: 'runc', runtimes: runtimeTables(cluster) };
}

/** By the host that is asked, be it a registry or a mirror. All else about registries is in files of their own. */
function registryConfigs({ spec }: ClusterContext) {
  const known = (spec.registries ?? []).flatMap(({ host, credentials }) =>
    credentials
      ? [
          [
            serverOf(host),
            { auth: { username: credentials.username, password: secretMark(registrySecret(host)) } },
          ],
        ]
      : [],
  );
  return known.length === 0 ? {} : { configs: Object.fromEntries(known) as object };
}
