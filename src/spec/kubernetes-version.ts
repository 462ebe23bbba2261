/**
 * How a version of Kubernetes may be asked for: whole (1.36.2), by its line (1.36), or by a label of the release server as
 * kubeadm has them (stable, latest-1, stable-1.36). Labels: kubernetes/kubernetes, cmd/kubeadm/app/util/version.go.
 */

import semver from 'semver';

const number = '(0|[1-9]\\d*)';
const whole = new RegExp(`^v?${number}\\.${number}\\.${number}(-(alpha|beta|rc)\\.\\d+)?$`);
const line = new RegExp(`^v?${number}\\.${number}$`);
const label = /^(stable|latest)(-[1-9]\d*(\.(0|[1-9]\d*))?)?$/;

/** All of it, for editors that check a config file. */
export const versionPattern = new RegExp([whole, line, label].map(({ source }) => source).join('|'));

/** What is wrong with it, or undefined. */
export function versionProblem(version: string): string | undefined {
  if (versionPattern.test(version)) return undefined;
  return `"${version}" is not a Kubernetes version like v1.20.2, v1.36, stable or latest-1.36`;
}

/** "1.20.2" and "v1.20.2" are the same version; Kubernetes itself says "v1.20.2". */
export function normalizeVersion(version: string): string {
  return /^\d/.test(version) ? `v${version}` : version;
}

/** Whether there is nothing to choose: "v1.36.2". */
export function isWholeVersion(wanted: string): boolean {
  return whole.test(wanted);
}

/** Whether it is for the release server to say what it is: "stable", "latest-1.36". */
export function isVersionLabel(wanted: string): boolean {
  return label.test(wanted);
}

/** The label of the release server that names the version wanted; undefined for a whole version. */
export function versionLabel(wanted: string | undefined): string | undefined {
  if (wanted === undefined) return 'stable';
  if (isWholeVersion(wanted)) return undefined;
  return isVersionLabel(wanted) ? wanted : `stable-${wanted.replace(/^v/, '')}`;
}

/**
 * Whether a version is one that was asked for. "stable" is none before its release; a line, as "v1.36", may be.
 * @param version as the components report it
 * @param wanted undefined: any
 */
export function fitsVersion(version: string, wanted: string | undefined): boolean {
  if (wanted === undefined) return true;
  if (isWholeVersion(wanted)) return version === normalizeVersion(wanted);
  const found = semver.parse(version);
  if (!found) return false;
  if (wanted.startsWith('stable') && found.prerelease.length > 0) return false;
  const parts = wanted.replace(/^(stable|latest)-?|^v/, '').split('.');
  return parts.every((part, index) => part === '' || part === String([found.major, found.minor][index]));
}

/** The line of a version that was asked for: "1.36"; undefined where it says none. */
export function versionLine(wanted: string | undefined): string | undefined {
  return /(\d+\.\d+)/.exec(wanted ?? '')?.[1];
}
