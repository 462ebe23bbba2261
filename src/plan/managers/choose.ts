import { InputError } from '../../errors.ts';
import type { HostFacts } from '../../facts/types.ts';
import type { ClusterSpec } from '../../spec/types.ts';
import type { ClusterPlan } from '../types.ts';

/** Oldest systemd that has been tried as the manager of machines: Debian 12. */
export const oldestSystemd = 252;

/**
 * Who runs the machines: the host's systemd where it is process 1, so that they are there again after a reboot;
 * knest itself elsewhere.
 * @throws InputError when systemd was asked for and this host has none, or an old one
 */
export function chooseManager(
  { manager }: Pick<ClusterSpec, 'manager'>,
  { pid1, systemdVersion = 0 }: Pick<HostFacts, 'pid1' | 'systemdVersion'>,
): ClusterPlan['manager'] {
  if (manager === 'direct') return 'direct';
  const runs = pid1 === 'systemd';
  if (runs && systemdVersion >= oldestSystemd) return 'systemd';
  if (manager === 'auto') return 'direct';
  throw new InputError('the cluster cannot be made', [
    {
      path: 'manager',
      message: runs
        ? `systemd is version ${systemdVersion} here; the manager "systemd" needs ${oldestSystemd} or newer`
        : `process 1 of this host is ${pid1 || 'unknown'} and not systemd`,
      hint: 'use "direct" or "auto": knest starts the machines itself, and they do not outlive a reboot',
    },
  ]);
}
