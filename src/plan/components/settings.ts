/** What the user's spec adds to a component: flags, volumes. */

import type { Flags, UnitSection } from '../../formats/systemd-unit.ts';
import type { ComponentSettings, ExtraArgs, ExtraVolume } from '../../spec/types.ts';
import type { ClusterContext, MachineContext } from './component.ts';

/** Switches of Kubernetes for this machine's version: those of the spec, over those that its address families need. */
export function featureGates(
  { traits }: Pick<MachineContext, 'traits'>,
  { spec }: Pick<ClusterContext, 'spec'>,
): Record<string, boolean> {
  const dualStack = traits.dualStackGate && spec.network.ipFamily === 'dual' ? { IPv6DualStack: true } : {};
  return { ...dualStack, ...spec.kubernetes.featureGates };
}

/** The same as the value of --feature-gates; undefined where there is none. */
export function featureGatesFlag(gates: Readonly<Record<string, boolean>>): string | undefined {
  const pairs = Object.entries(gates).map(([name, on]) => `${name}=${on}`);
  return pairs.length === 0 ? undefined : pairs.join(',');
}

/** A component's flags with the user's over knest's own. */
export function withExtraArgs(flags: Flags, ...extra: readonly ExtraArgs[]): Flags {
  return Object.assign({}, flags, ...extra) as Flags;
}

/**
 * kubeadm mounts extra volumes into a static pod; a unit sees the machine's files anyway, so only paths that differ
 * are bound (systemd.exec(5), BindPaths=), and what is missing is made first.
 * @param before more commands that come before the component
 */
export function volumeSettings(
  { extraVolumes }: ComponentSettings,
  before: readonly string[] = [],
): UnitSection {
  const elsewhere = extraVolumes.filter(({ hostPath, mountPath }) => hostPath !== mountPath);
  const binds = (readOnly: boolean) =>
    elsewhere
      .filter((volume) => volume.readOnly === readOnly)
      .map(({ hostPath, mountPath }) => `${hostPath}:${mountPath}`);
  return {
    ExecStartPre: [...extraVolumes.flatMap(makeCommand), ...before],
    BindPaths: binds(false),
    BindReadOnlyPaths: binds(true),
  };
}

/** "+": before the binds that would otherwise fail for want of a source (systemd.service(5)). */
function makeCommand({ hostPath, create }: ExtraVolume): string[] {
  const folder = create === 'directory' ? hostPath : hostPath.slice(0, hostPath.lastIndexOf('/'));
  if (create === 'none') return [];
  return [`+/bin/mkdir -p ${folder}`, ...(create === 'file' ? [`+/bin/touch ${hostPath}`] : [])];
}
