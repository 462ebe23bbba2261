/** Which versions may follow on which (kubernetes.io/releases/version-skew-policy). */

import semver from 'semver';

import type { NodeRole } from '../../spec/types.ts';
import { minorOf, valueAt } from './facts.ts';
import { controlPlaneTopics } from './table.ts';

interface VersionedNode {
  role: NodeRole;
  kubernetesVersion: string;
}

/** The line after a version's: "v1.35.3" -> "v1.36". Control planes cannot skip one. */
export function nextLine(version: string): string {
  const { major, minor } = semver.parse(version) ?? { major: 1, minor: 0 };
  return `v${major}.${minor + 1}`;
}

/**
 * The versions that a cluster's control planes can be brought to now, newest first: newer ones of their line or of the next,
 * which its kubelets are not too old for. Versions before their release are for clusters that have one already.
 */
export function upgradesOf(nodes: readonly VersionedNode[], available: readonly string[]): string[] {
  const versions = nodes.map(({ kubernetesVersion }) => kubernetesVersion).filter((one) => semver.valid(one));
  const planes = nodes
    .filter(({ role }) => role === 'control-plane')
    .map(({ kubernetesVersion }) => semver.parse(kubernetesVersion))
    .filter((one) => one !== null)
    .sort(semver.compare);
  const [oldest] = planes;
  if (!oldest) return [];
  const fits = (version: string): boolean => {
    const target = semver.parse(version);
    if (!target || semver.lte(target, oldest)) return false;
    if (target.prerelease.length > 0 && oldest.prerelease.length === 0) return false;
    if (target.major !== oldest.major || target.minor > oldest.minor + 1) return false;
    const allowed = valueAt(controlPlaneTopics.kubeletSkew, minorOf(version));
    return versions.every((one) => target.minor - semver.minor(one) <= allowed);
  };
  return [...new Set(available)].filter(fits).sort(semver.rcompare);
}
