/**
 * In which steps the nodes of a cluster are brought to another version of Kubernetes
 * (kubernetes.io/releases/version-skew-policy): control planes line by line, workers as late as they may.
 */

import semver from 'semver';

import type { NodeRole } from '../../spec/types.ts';
import { minorOf, valueAt } from './facts.ts';
import { controlPlaneTopics } from './table.ts';

export interface NodeToUpgrade {
  name: string;
  role: NodeRole;
  /** What it has now, "v1.35.3". */
  version: string;
}

/** One step: these nodes are brought to that version, control planes before workers. */
export interface UpgradeStage {
  version: string;
  nodes: readonly string[];
}

/**
 * The lines that control planes have to stop at on the way to a version: neither that of the oldest one nor that of the
 * target. "v1.33.4" to "v1.36.2": ["v1.34", "v1.35"].
 */
export function linesBetween(nodes: readonly NodeToUpgrade[], target: string): string[] {
  const oldest = Math.min(...controlPlanes(nodes).map(({ version }) => minorOf(version)));
  const last = minorOf(target);
  const count = Math.max(0, last - oldest - 1);
  return Array.from({ length: count }, (_, index) => `v${semver.major(target)}.${oldest + 1 + index}`);
}

/**
 * The steps to the last of some versions. In each, control planes that are older get the version. Workers get it with the
 * last one, and before only when the control planes could not go on otherwise: a kubelet that leaves versions out restarts
 * its machine's pods once instead of several times.
 * @param versions one of each line, the oldest first; the last is where the cluster is to be
 * @param only names of nodes that are upgraded at all; default: all
 */
export function upgradeStages(
  nodes: readonly NodeToUpgrade[],
  versions: readonly string[],
  only?: readonly string[],
): UpgradeStage[] {
  const now = new Map(nodes.map(({ name, version }) => [name, version]));
  const isOlder = ({ name }: NodeToUpgrade, version: string): boolean =>
    semver.lt(now.get(name) ?? '', version);
  const asked = nodes.filter(({ name }) => only?.includes(name) ?? true);
  return versions.flatMap((version, index): UpgradeStage[] => {
    const next = versions[index + 1];
    const due = asked.filter(
      (node) =>
        isOlder(node, version) &&
        (node.role === 'control-plane' ||
          next === undefined ||
          minorOf(next) - minorOf(now.get(node.name) ?? '') > kubeletSkew(next)),
    );
    if (due.length === 0) return [];
    for (const { name } of due) now.set(name, version);
    const planesFirst = [...controlPlanes(due), ...due.filter(({ role }) => role === 'worker')];
    return [{ version, nodes: planesFirst.map(({ name }) => name) }];
  });
}

/**
 * Why nodes must not be brought to a version: sentences, none when they may. Asked of the nodes as they are; a chain of
 * lines on the way is no problem.
 */
export function skewProblems(
  nodes: readonly NodeToUpgrade[],
  target: string,
  only?: readonly string[],
): { message: string; hint: string }[] {
  const asked = nodes.filter(({ name }) => only?.includes(name) ?? true);
  const newer = asked.filter(({ version }) => semver.gt(version, target));
  if (newer.length > 0) {
    const said = newer.map(({ name, version }) => `${name} (${version})`).join(', ');
    return [
      {
        message: `${target} is older than what ${said} ${newer.length === 1 ? 'has' : 'have'}`,
        hint: 'Kubernetes cannot go back by itself: knest rollback cluster brings back what was before an upgrade',
      },
    ];
  }
  const after = nodes.map((node) => (asked.includes(node) ? { ...node, version: target } : node));
  const byAge = controlPlanes(after).sort((a, b) => semver.compare(a.version, b.version));
  const [oldest, newest] = [byAge[0], byAge.at(-1)];
  if (!oldest || !newest) return [];
  const apart = minorOf(newest.version) - minorOf(oldest.version);
  return [
    ...(apart > 1
      ? [
          {
            message: `${oldest.name} would stay at ${oldest.version} beside ${newest.version} of ${newest.name}: API servers may be one minor version apart`,
            hint: 'upgrade all control planes: leave --nodes out',
          },
        ]
      : []),
    ...after.flatMap(({ name, role, version }) => {
      if (role === 'worker' && minorOf(version) > minorOf(oldest.version)) {
        const message = `the kubelet of ${name} would be ${version}, newer than the API server of ${oldest.name} (${oldest.version})`;
        return [{ message, hint: 'upgrade the control planes first' }];
      }
      const allowed = kubeletSkew(newest.version);
      if (minorOf(newest.version) - minorOf(version) <= allowed) return [];
      const message =
        `the kubelet of ${name} would stay at ${version}, ` +
        `more than ${allowed} minor versions behind ${newest.version}`;
      return [{ message, hint: `upgrade ${name}, too` }];
    }),
  ];
}

function controlPlanes(nodes: readonly NodeToUpgrade[]): NodeToUpgrade[] {
  return nodes.filter(({ role }) => role === 'control-plane');
}

function kubeletSkew(version: string): number {
  return valueAt(controlPlaneTopics.kubeletSkew, minorOf(version));
}
