import { stringify } from 'smol-toml';

import { applyPatches } from '../../formats/merge-patch.ts';
import { renderUnit } from '../../formats/systemd-unit.ts';
import type { Component, ClusterContext, MachineContext } from './component.ts';
import { afterApiServer, k8sTarget, restartAlways } from './component.ts';
import { onCgroupV1 } from './cgroup-v1-beside.ts';
import { registrySecret, secretMark } from '../../spec/secrets.ts';
import { pauseImage, pauseImagePath } from '../image.ts';
import type { PlannedFile } from '../types.ts';
import { registriesFolder, serverOf } from './registries.ts';
import { cdiSettings, runtimeTables, shimLinks } from './runtimes.ts';

export const containerdSocket = '/run/containerd/containerd.sock';
export const containerdEndpoint = `unix://${containerdSocket}`;

const configFile = '/etc/containerd/config.toml';

/** Proxies for pulling images, where there are any. */
export const proxyFile = '/etc/containerd/proxy.env';

/** containerd with its CRI plugin, and the sandbox image brought in before the first pod. */
export const containerd: Component = (machine, cluster) => ({
  files: [
    configurationFile(machine, cluster),
    // Debian puts the CNI plugins elsewhere; network add-ons install theirs here
    { path: '/opt/cni/bin', mode: 0o777, content: { link: '/usr/lib/cni' } },
    ...shimLinks(cluster),
  ],
  units: [
    {
      name: 'containerd.service',
      reads: [configFile],
      // that it names every node is no matter: no images are pulled from them
      ignores: [proxyFile],
      wantedBy: k8sTarget,
      text: renderUnit({
        Unit: {
          Description: 'containerd container runtime',
          Documentation: 'https://containerd.io',
          After: 'knest-mounts.service',
        },
        Service: {
          Type: 'notify',
          ExecStart: onCgroupV1('/usr/bin/containerd', machine, cluster),
          ...restartAlways,
          // containers outlive containerd, in cgroups that containerd makes
          KillMode: 'process',
          Delegate: 'yes',
          LimitNOFILE: '1048576',
          TasksMax: 'infinity',
        },
      }),
    },
    {
      name: 'knest-images.service',
      wantedBy: k8sTarget,
      text: renderUnit({
        Unit: {
          Description: 'Sandbox image for containerd',
          Requires: 'containerd.service',
          After: `containerd.service ${afterApiServer.After}`,
        },
        Service: {
          Type: 'oneshot',
          RemainAfterExit: 'yes',
          ExecStart: `/usr/bin/ctr --namespace k8s.io images import --digests=false ${pauseImagePath}`,
        },
      }),
    },
  ],
  certificates: [],
  probes: [
    {
      says: 'containerd answers',
      unit: 'containerd.service',
      argv: ['ctr', '--namespace', 'k8s.io', 'version'],
    },
  ],
});

/** Only root may read it when there are passwords in it. */
function configurationFile(machine: MachineContext, cluster: ClusterContext): PlannedFile {
  const text = stringify(configuration(machine, cluster)) + '\n';
  const secrets = (cluster.spec.registries ?? []).flatMap(({ host, credentials }) =>
    credentials ? [registrySecret(host)] : [],
  );
  return secrets.length === 0
    ? { path: configFile, mode: 0o644, content: { text } }
    : { path: configFile, mode: 0o600, content: { text, secrets } };
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

/** config.toml, version 2: what containerd 1.5 to 1.7 read (containerd: docs/cri/config.md). */
function configuration(machine: MachineContext, cluster: ClusterContext) {
  const { facts, spec } = cluster;
  const own = {
    version: 2,
    // none of them can work on an overlay's directories, and each is probed at start
    disabled_plugins: ['aufs', 'btrfs', 'devmapper', 'zfs'].map(
      (name) => `io.containerd.snapshotter.v1.${name}`,
    ),
    plugins: {
      'io.containerd.grpc.v1.cri': {
        sandbox_image: pauseImage,
        // Without CAP_SYS_RESOURCE nobody may lower oom_score_adj, and the sandbox wants -998: runc then fails with
        // "can't get final child's PID from pipe: EOF".
        restrict_oom_score_adj: !facts.capabilities.includes('CAP_SYS_RESOURCE'),
        containerd: {
          snapshotter: 'overlayfs',
          default_runtime_name: 'runc',
          runtimes: runtimeTables(cluster),
        },
        ...cdiSettings(machine),
        cni: { bin_dir: '/opt/cni/bin', conf_dir: '/etc/cni/net.d' },
        registry: { config_path: registriesFolder, ...registryConfigs(cluster) },
      },
    },
  };
  // a patch for another format of the file means other tables; kind skips it, too
  const fitting = spec.components.containerd.configPatches.filter(
    ({ version }) => version === undefined || version === own.version,
  );
  return applyPatches(own, fitting);
}
