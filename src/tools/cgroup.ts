import type { CgroupFacts } from '../facts/types.ts';

/**
 * The cgroup.procs files of a process, from its /proc/<pid>/cgroup (cgroups(7)): one for each hierarchy.
 * @param text "4:memory:/knest/node/init.scope\n0::/knest/node/init.scope\n"
 */
export function cgroupProcsFiles(text: string, facts: CgroupFacts): string[] {
  return text
    .trim()
    .split('\n')
    .flatMap((line) => {
      const [, controllers, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
      if (controllers === undefined || path === undefined) return [];
      const hierarchy = facts.hierarchies.find((mount) => isHierarchyOf(mount, controllers, facts.version));
      return hierarchy === undefined ? [] : [`${hierarchy}${path === '/' ? '' : path}/cgroup.procs`];
    });
}

function isHierarchyOf(mount: string, controllers: string, version: CgroupFacts['version']): boolean {
  const name = mount.slice(mount.lastIndexOf('/') + 1);
  if (controllers === '') return version === 'v2' || name === 'unified';
  return (
    name === controllers.replace(/^name=/, '') || name.split(',').includes(controllers.split(',')[0] ?? '')
  );
}

/** Removes cgroups and all below them, deepest first; what still holds a process stays, silently. */
export function removeCgroupsCommand(groups: readonly string[]): string[] {
  // find(1) without a starting point begins in the current directory
  if (groups.length === 0) return ['true'];
  return ['find', ...groups, '-depth', '-type', 'd', '-exec', 'rmdir', '{}', '+'];
}
