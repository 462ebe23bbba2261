import { renderUnit } from '../../formats/systemd-unit.ts';
import { pauseImagePath } from '../image.ts';
import type { Component } from './component.ts';
import { afterApiServer, k8sTarget, restartAlways } from './component.ts';
import { onCgroupV1 } from './cgroup-v1-beside.ts';
import { containerdConfig, containerdConfigFile } from './containerd-config.ts';
import { shimLinks } from './runtimes.ts';

export const containerdSocket = '/run/containerd/containerd.sock';
export const containerdEndpoint = `unix://${containerdSocket}`;

/** Proxies for pulling images, where there are any. */
export const proxyFile = '/etc/containerd/proxy.env';

/** containerd with its CRI plugin, and the sandbox image brought in before the first pod. */
export const containerd: Component = (machine, cluster) => ({
  files: [
    containerdConfig(machine, cluster),
    // Debian puts the CNI plugins elsewhere; network add-ons install theirs here
    { path: '/opt/cni/bin', mode: 0o777, content: { link: '/usr/lib/cni' } },
    ...shimLinks(cluster),
  ],
  units: [
    {
      name: 'containerd.service',
      reads: [containerdConfigFile],
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
