import type { ClusterContext } from './component.ts';

/**
 * On cgroup v2 systemd manages the controllers of the tree that pods would share with it, so it has to make the pods'
 * cgroups as well. On v1 it knows only some of the hierarchies: the kubelet makes them itself.
 */
export function cgroupDriver(facts: ClusterContext['facts']): 'systemd' | 'cgroupfs' {
  return facts.cgroup.version === 'v2' ? 'systemd' : 'cgroupfs';
}
