/** Container runtimes: runc, and those that the user adds. */

import { basename } from 'node:path';

import type { RuntimeSpec } from '../../spec/types.ts';
import type { PlannedFile } from '../types.ts';
import { cdiFolders } from '../binds.ts';
import { cgroupDriver } from './cgroup-driver.ts';
import type { ClusterContext, MachineContext } from './component.ts';

/** Where containerd looks for shims, besides the folders of packages: its unit has systemd's PATH. */
const shimFolder = '/usr/local/bin';

/** `runtimes` of containerd's CRI plugin, by handler: the same in every format of its file (containerd: docs/cri/config.md). */
export function runtimeTables({
  spec: { runtimes = [] },
  facts,
}: Pick<ClusterContext, 'spec' | 'facts'>): Record<string, object> {
  const options = { SystemdCgroup: cgroupDriver(facts) === 'systemd' };
  const own = { runtime_type: 'io.containerd.runc.v2', options };
  return {
    runc: own,
    ...Object.fromEntries(
      runtimes.map(({ name, path }) => {
        const shim = shimOf(path);
        return [
          name,
          shim === undefined
            ? { ...own, options: { ...options, BinaryName: path } }
            : { runtime_type: shim, ...ofShims },
        ];
      }),
    ),
  };
}

/** As Kata's and gVisor's documentation have it: annotations say sizes and kernels; a guest cannot have the node's devices. */
const ofShims = {
  pod_annotations: ['io.katacontainers.*', 'dev.gvisor.*'],
  privileged_without_host_devices: true,
} as const;

/** "/opt/kata/bin/containerd-shim-kata-v2" -> "io.containerd.kata.v2"; undefined for what is called as runc is. */
function shimOf(path: string): string | undefined {
  const [, name, version] = /^containerd-shim-(.+)-(v\d+)$/.exec(basename(path)) ?? [];
  return name === undefined ? undefined : `io.containerd.${name}.${version}`;
}

/** containerd finds a shim by its name alone. */
export function shimLinks({ spec: { runtimes = [] } }: Pick<ClusterContext, 'spec'>): PlannedFile[] {
  return runtimes
    .filter(({ path }) => shimOf(path) !== undefined && !path.startsWith(`${shimFolder}/`))
    .map(({ path }) => ({
      path: `${shimFolder}/${basename(path)}`,
      mode: 0o777,
      content: { link: path },
    }));
}

/** Devices by the Container Device Interface: containerd has it since 1.7, and on by default since 2.0. */
export function cdiSettings({ spec: { cdi } }: Pick<MachineContext, 'spec'>) {
  return cdi ? { enable_cdi: true, cdi_spec_dirs: cdiFolders } : {};
}

/** RuntimeClasses by which pods choose them. */
export function runtimeClasses(runtimes: readonly RuntimeSpec[] = []) {
  return runtimes.map(({ name }) => ({
    apiVersion: 'node.k8s.io/v1',
    kind: 'RuntimeClass',
    metadata: { name },
    handler: name,
  }));
}
