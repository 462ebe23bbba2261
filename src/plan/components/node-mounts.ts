import { printableCommand } from '../../errors.ts';
import { renderUnit } from '../../formats/systemd-unit.ts';
import type { NodeSpec } from '../../spec/types.ts';
import type { PlannedFile, PlannedUnit } from '../types.ts';
import { stagedAt } from '../binds.ts';
import type { ClusterContext, Component } from './component.ts';
import { k8sTarget } from './component.ts';

/** Run by a unit of the machine; again is harmless. */
const script = '/usr/local/lib/knest/pod-mounts';

/** What a machine under systemd-nspawn lacks for Kubernetes, and file systems of the kernel that pods ask for. */
export const nodeMounts: Component = (machine, cluster) => ({
  files: [
    { path: script, mode: 0o755, content: { text: podMounts(machine.spec) } },
    ...(cluster.facts.devices.includes(loopControl) ? [loopDevices] : []),
  ],
  units: [required(cluster), optional],
  certificates: [],
  probes: [],
});

/** Done before any other unit starts: without these there is no node. */
function required({ facts, spec: { network } }: ClusterContext): PlannedUnit {
  const version1 = facts.cgroup.version !== 'v2';
  return {
    name: 'knest-mounts.service',
    wantedBy: 'sysinit.target',
    text: renderUnit({
      Unit: { Description: 'Mounts for Kubernetes', DefaultDependencies: 'no', Before: 'sysinit.target' },
      Service: {
        Type: 'oneshot',
        RemainAfterExit: 'yes',
        ExecStart: [
          // The kubelet reads the kernel's log for OOM kills and fails without the device. Not /dev/console: journald
          // reads kmsg too and would spin on it.
          '/bin/ln -sf /dev/null /dev/kmsg',
          // volumes that the kubelet mounts must reach the pods' mount namespaces
          '/bin/mount --make-rshared /var/lib/kubelet',
          // Of a network of its own systemd-nspawn leaves the settings writable, of the host's it does not, and CNI plugins
          // write to those of pods' links (portmap: route_localnet). The rest of /proc/sys stays as it is.
          ...(network.mode === 'host'
            ? ['/bin/mount --bind /proc/sys/net /proc/sys/net', '/bin/mount -o remount,rw,bind /proc/sys/net']
            : []),
          // systemd-nspawn mounts cgroup v1 controllers read-only; the machine's own part of the tree is all it sees
          ...(version1
            ? [
                '/bin/sh -c "mount -o remount,rw,bind /sys/fs/cgroup; for c in /sys/fs/cgroup/*; do' +
                  ' if mountpoint -q $c; then mount -o remount,rw,bind $c; fi; done"',
              ]
            : []),
        ],
      },
    }),
  };
}

/** Its own unit: a mount that cannot be had makes it fail, which `knest status` shows, and keeps nothing else from starting. */
const optional: PlannedUnit = {
  name: 'knest-pod-mounts.service',
  wantedBy: k8sTarget,
  text: renderUnit({
    Unit: {
      Description: 'Mounts that pods may ask for',
      DefaultDependencies: 'no',
      After: 'knest-mounts.service',
      Before: 'containerd.service kubelet.service',
    },
    Service: { Type: 'oneshot', RemainAfterExit: 'yes', ExecStart: script },
  }),
};

function podMounts({ extraMounts }: Pick<NodeSpec, 'extraMounts'>): string {
  return `#!/bin/sh
# Mounts that pods may ask for. One that cannot be had is told, and all others are made.

failed=0

# Of the user: that it fails is a failure.
asked() {
  "$@" && return
  echo "cannot be had: $*" >&2
  failed=1
}

# TYPE PLACE: a file system of the kernel, unless it lacks the type or something is mounted there already.
fresh() {
  grep -qw "$1" /proc/filesystems || return 0
  mountpoint -q "$2" && return
  [ -d "$2" ] || mkdir -p "$2" || return
  mount -t "$1" "$1" "$2" || echo "the kernel does not let a machine mount $1" >&2
}
${extraMounts.flatMap(extraMountLines).join('')}
# For tracing, and for those who look for AppArmor.
fresh debugfs /sys/kernel/debug
fresh tracefs /sys/kernel/tracing
fresh securityfs /sys/kernel/security

# A machine with a network of its own has a /sys of single folders, read-only, that lacks this one. Shared: network add-ons
# mount it with mountPropagation Bidirectional.
if [ ! -d /sys/fs/bpf ]; then
  mount -o remount,bind,rw /sys && mkdir /sys/fs/bpf
  mount -o remount,bind,ro /sys
fi
fresh bpf /sys/fs/bpf
if mountpoint -q /sys/fs/bpf; then mount --make-rshared /sys/fs/bpf; fi

fresh hugetlbfs /dev/hugepages

# Pods with hostUsers: false. In a user namespace the kernel mounts proc and sysfs only where all of one can be seen already
# (mount_too_revealing() in fs/namespace.c), and systemd-nspawn covers parts of both. As Incus does it: whole ones where
# nobody looks.
mkdir -p -m 0700 /run/knest/whole
fresh proc /run/knest/whole/proc
fresh sysfs /run/knest/whole/sys

exit $failed
`;
}

function extraMountLines(
  { containerPath, propagation }: NodeSpec['extraMounts'][number],
  index: number,
): string[] {
  const staged = stagedAt(containerPath, index);
  const place = printableCommand([containerPath]);
  return [
    ...(index === 0 ? ['\n# extraMounts\n'] : []),
    ...(staged === undefined
      ? []
      : [
          `mountpoint -q ${place} || asked ${printableCommand(['mount', '--rbind', staged, containerPath])}\n`,
        ]),
    // systemd-nspawn lets through what the host mounts there later; a pod may ask for it, too (HostToContainer)
    `asked mount --make-${propagation === 'None' ? 'rprivate' : 'rshared'} ${place}\n`,
  ];
}

const loopControl = '/dev/loop-control';

/**
 * As many as a host with many snap packages and a dozen volumes takes: they are the host's, and the next free one may have
 * any number.
 */
const loopCount = 64;

/**
 * Loop devices, which the kernel makes as they are needed and only the host's own /dev shows (kernel: devices.txt, block 7).
 * Nodes made here and not bound: those bound would be the ones that are there when the machine starts.
 */
const loopDevices: PlannedFile = {
  path: '/etc/tmpfiles.d/knest-loop.conf',
  mode: 0o644,
  content: {
    text: [
      `c! ${loopControl} 0660 root disk - 10:237\n`,
      ...Array.from(
        { length: loopCount },
        (_, index) => `b! /dev/loop${index} 0660 root disk - 7:${index}\n`,
      ),
    ].join(''),
  },
};
