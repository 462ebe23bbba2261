import type { HostFacts } from '../../../facts/types.ts';
import { machineUnit } from './names.ts';

/** Hierarchies in which systemd itself has put the service where it belongs. */
const systemds = ['systemd', 'unified'];

/** cgroup v1: the hierarchies of which systemd-nspawn needs a part of its own for each machine. */
function otherHierarchies(cgroup: HostFacts['cgroup']): string[] {
  if (cgroup.version === 'v2') return [];
  return cgroup.hierarchies.filter((path) => !systemds.includes(path.slice(path.lastIndexOf('/') + 1)));
}

/** Cgroups that a machine has in hierarchies of which systemd may know nothing, and which it then leaves behind. */
export function ownCgroups(machine: string, cgroup: HostFacts['cgroup']): string[] {
  return otherHierarchies(cgroup).map((hierarchy) => `${hierarchy}/machine.slice/${machineUnit(machine)}`);
}

/** Text of the script that moves into these cgroups and becomes the command it is given; undefined on cgroup v2. */
export function enterCgroupsScript(machine: string, cgroup: HostFacts['cgroup']): string | undefined {
  const hierarchies = otherHierarchies(cgroup);
  if (hierarchies.length === 0) return undefined;
  return `#!/bin/sh
# Enters the cgroup of ${machineUnit(machine)} in every cgroup v1 hierarchy, also where systemd has made none,
# and becomes the command it is given.
set -eu
for hierarchy in ${hierarchies.join(' ')}; do
  for group in $hierarchy/machine.slice $hierarchy/machine.slice/${machineUnit(machine)}; do
    mkdir -p $group
    # empty at first, and then no process may enter
    if [ -e $group/cpuset.cpus ] && [ -z "$(cat $group/cpuset.cpus)" ]; then
      cat $hierarchy/cpuset.cpus > $group/cpuset.cpus
      cat $hierarchy/cpuset.mems > $group/cpuset.mems
      echo 1 > $group/cgroup.clone_children
    fi
  done
  echo $$ > $group/cgroup.procs
done
exec "$@"
`;
}
