import type { MachineManager } from '../managers/types.ts';
import { runCommands } from '../managers/commands.ts';
import { removeHostUnits } from '../managers/systemd/host-units.ts';
import { parallel, runSequence, serial } from '../apply/runner.ts';
import { lastingRecord, restoreSysctls } from '../managers/sysctls.ts';
import type { ClusterPlan } from '../plan/types.ts';
import { clusterFolder, forgetCluster } from '../state/clusters.ts';
import type { Session } from './session.ts';

/**
 * Takes away everything that a plan may have made, however far making it got. The record goes last: until then
 * deleting can be started again.
 */
export async function tearDown(session: Session, plan: ClusterPlan, manager: MachineManager): Promise<void> {
  const { host, paths, listener } = session;
  const { units } = plan.host;
  const machines = plan.machines.map((machine) => ({
    id: `delete/${machine.name}` as const,
    title: `Delete machine ${machine.name}`,
    run: () => manager.destroy(machine),
  }));
  const network = {
    id: 'delete/network' as const,
    title: `Remove network ${plan.network.bridge}`,
    run: async () => {
      if (units) await removeHostUnits(host, units);
      await runCommands(host, plan.host.teardown);
    },
  };
  // whoever deletes wants it gone: an interrupt does not stop it half-way
  await runSequence(serial(parallel(...machines), network), listener, new AbortController().signal);
  const user = clusterFolder(paths, plan.cluster);
  if (units) await restoreSysctls(host, user, lastingRecord, units.sysctls);
  else await restoreSysctls(host, user);
  await forgetCluster(host, paths, plan.cluster);
}
