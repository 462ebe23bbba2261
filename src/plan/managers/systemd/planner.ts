import { oldestManagingSystemd } from '../../../facts/systemd-versions.ts';
import type { HostFacts } from '../../../facts/types.ts';
import type { ManagerPlanner } from '../types.ts';
import { planHostUnits } from './host-units.ts';
import { machineRoot } from './names.ts';
import { planService } from './service.ts';

const elsewhere =
  'use "direct" or "auto": knest starts the machines itself, and they do not outlive a reboot';

/** The host's systemd runs the machines, where it is process 1. */
export const systemdPlanner: ManagerPlanner = {
  refusal: ({ pid1, systemdVersion = 0 }) => {
    if (pid1 !== 'systemd') {
      return { message: `process 1 of this host is ${pid1 || 'unknown'} and not systemd`, hint: elsewhere };
    }
    if (systemdVersion >= oldestManagingSystemd) return undefined;
    return {
      message: `systemd is version ${systemdVersion} here; the manager "systemd" needs ${oldestManagingSystemd} or newer`,
      hint: elsewhere,
    };
  },
  lastingSysctls: true,
  machineRoot,
  planMachine: planService,
  planHost: (input, facts) => planHostUnits({ ...input, networkManager: hasNetworkManager(facts) }),
};

function hasNetworkManager({ programs }: Pick<HostFacts, 'programs'>): boolean {
  return programs['NetworkManager'] !== undefined || programs['nmcli'] !== undefined;
}
