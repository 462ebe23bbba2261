/** How a bed is booted: a shell script, in namespaces of its own. */

import { printableCommand } from '../../../../src/errors.ts';

export interface LauncherOptions {
  name: string;
  folder: string;
  image: string;
  /** Read-only: path in the bed -> path here. */
  binds: Readonly<Record<string, string>>;
  hierarchies: readonly string[];
  /** The bed's cgroup in each of them. */
  groups: readonly string[];
}

/** Boots the bed, again after each reboot of it, until it is powered off. Its namespaces take everything with them. */
export function launcher({ name, folder, image, binds, hierarchies, groups }: LauncherOptions): string {
  const nspawn = [
    ...['systemd-nspawn', '--quiet', '--register=no', '--keep-unit', '--settings=no', '--console=pipe'],
    `--directory=${folder}/root`,
    `--machine=${name}`,
    '--hostname=bed',
    '--network-bridge=lan0',
    '--capability=all',
    '--system-call-filter=@keyring bpf',
    ...['--resolv-conf=off', '--timezone=off', '--link-journal=no'],
    '--kill-signal=SIGRTMIN+3',
    // machines of the bed's own have plain folders to put containers in: overlays cannot be stacked
    `--bind=${folder}/knest:/var/lib/knest`,
    ...['/dev/fuse', '/dev/net/tun'].map((device) => `--bind=${device}`),
    ...Object.entries(binds).map(([path, source]) => `--bind-ro=${source}:${path}`),
    '/sbin/bed-init',
  ];
  return `#!/bin/sh
exec > ${folder}/log 2>&1
set -eu
# locks and mount tunnels of systemd-nspawn stay out of the real /run
mount -t tmpfs tmpfs /run
mount -t overlay overlay -o lowerdir=${image},upperdir=${folder}/upper,workdir=${folder}/work ${folder}/root

ip link set dev lo up
ip link add name lan0 type bridge
ip address add 192.168.55.1/24 dev lan0
ip link set dev lan0 up

for hierarchy in ${hierarchies.join(' ')}; do
  for group in $hierarchy/knest-bed $hierarchy/knest-bed/${name}; do
    mkdir -p $group
    if [ -e $group/cpuset.cpus ]; then # empty at first, and then no process may enter
      cat $hierarchy/cpuset.cpus > $group/cpuset.cpus
      cat $hierarchy/cpuset.mems > $group/cpuset.mems
      echo 1 > $group/cgroup.clone_children
    fi
  done
  echo $$ > $hierarchy/knest-bed/${name}/cgroup.procs
done

# a machine like any other may write all of /proc/sys and /sys
export SYSTEMD_NSPAWN_API_VFS_WRITABLE=yes
while :; do
  code=0
  ${printableCommand(nspawn)} < /dev/null || code=$?
  # systemd-nspawn.service(5): 133 asks to be started again
  [ $code = 133 ] || exit $code
  find ${groups.join(' ')} -mindepth 1 -depth -type d -exec rmdir {} + || true
done
`;
}
