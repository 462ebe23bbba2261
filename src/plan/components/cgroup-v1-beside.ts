import { renderUnit } from '../../formats/systemd-unit.ts';
import { suiteOf } from '../node-components.ts';
import { knownSuite, startsOnCgroupV1, systemdWithoutCgroupV1 } from '../versions/suites.ts';
import type { Component, ClusterContext, MachineContext } from './component.ts';
import { nothing } from './component.ts';

/** Where the controllers are for those that want them. */
const folder = '/run/cgroup1';

const mountScript = '/usr/lib/knest/mount-cgroup-v1';
const runScript = '/usr/lib/knest/on-cgroup-v1';

/**
 * Whether the machine's systemd knows cgroup v2 only and the host has v1. systemd-nspawn then gives the machine a v2 tree,
 * which has no controllers, and those of v1 are mounted beside it.
 */
export function hasCgroupV1Beside(
  { spec }: Pick<MachineContext, 'spec'>,
  { facts, spec: { image } }: Pick<ClusterContext, 'facts' | 'spec'>,
): boolean {
  const suite = knownSuite(suiteOf(spec, image));
  return facts.cgroup.version !== 'v2' && suite !== undefined && !startsOnCgroupV1(suite);
}

/** A command line that sees cgroup v1 where the machine needs that for containers; the same one elsewhere. */
export function onCgroupV1(command: string, machine: MachineContext, cluster: ClusterContext): string {
  return hasCgroupV1Beside(machine, cluster) ? `${runScript} ${command}` : command;
}

/** The controllers of a cgroup v1 host in a machine whose systemd does not want them. */
export const cgroupV1Beside: Component = (machine, cluster) => {
  if (!hasCgroupV1Beside(machine, cluster)) return nothing;
  return {
    files: [
      { path: mountScript, mode: 0o755, content: { text: mount } },
      { path: runScript, mode: 0o755, content: { text: run } },
    ],
    units: [
      {
        name: 'knest-cgroup-v1.service',
        wantedBy: 'sysinit.target',
        reads: [mountScript],
        text: renderUnit({
          Unit: {
            Description: 'cgroup v1 for containers',
            DefaultDependencies: 'no',
            Before: 'sysinit.target',
          },
          Service: { Type: 'oneshot', RemainAfterExit: 'yes', ExecStart: mountScript },
        }),
      },
    ],
    certificates: [],
    probes: [],
  };
};

/** Each hierarchy by the names of its controllers, as distributions mount them: "cpu,cpuacct", with "cpu" as a link. */
const mount = `#!/bin/sh
# systemd ${systemdWithoutCgroupV1} and newer know cgroup v2 only. This host has the controllers in v1: here they are for containers.
set -eu
mkdir -p ${folder}
mountpoint -q ${folder} || mount -t tmpfs -o mode=755,nosuid,nodev,noexec tmpfs ${folder}
while IFS=: read -r id controllers path; do
  [ "$id" != 0 ] || continue # v2
  name=\${controllers#name=}
  mkdir -p ${folder}/$name
  case $controllers in
    name=*) options=none,$controllers ;;
    *) options=$controllers ;;
  esac
  mountpoint -q ${folder}/$name || mount -t cgroup -o nosuid,nodev,noexec,$options cgroup ${folder}/$name
  for one in $(echo $name | tr , ' '); do
    [ -e ${folder}/$one ] || ln -s $name ${folder}/$one
  done
done < /proc/self/cgroup
`;

const run = `#!/bin/sh
# Becomes the command it is given, which sees cgroup v1 in /sys/fs/cgroup. All other mounts are shared with the machine.
exec unshare --mount --propagation unchanged /bin/sh -ec '
  mount --make-private /sys/fs/cgroup
  mount --rbind ${folder} /sys/fs/cgroup
  exec "$@"' sh "$@"
`;
