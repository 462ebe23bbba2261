import type { Host } from '../../host/types.ts';
import { runCommands } from '../commands.ts';
import { raiseSysctls, restoreSysctls } from '../sysctls.ts';
import type { MachineManager } from '../types.ts';

/** The `direct` manager's side of a host: the commands of the plan, and kernel settings until the host's next boot. */
export function directHost(
  host: Host,
): Pick<MachineManager, 'setUpHost' | 'updateHost' | 'tearDownHost' | 'afterStop'> {
  return {
    setUpHost: async (plan, folder) => {
      await raiseSysctls(host, folder, plan.host.sysctls);
      await runCommands(host, plan.host.setup);
    },
    updateHost: (plan) => runCommands(host, plan.host.setup),
    tearDownHost: async (plan, folder) => {
      await runCommands(host, plan.host.teardown);
      await restoreSysctls(host, folder);
    },
    afterStop: (plan) => runCommands(host, plan.host.afterStop ?? []),
  };
}
