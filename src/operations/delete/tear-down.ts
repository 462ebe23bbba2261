import type { MachineManager } from '../../managers/types.ts';
import { destroyMachine } from '../../apply/made-on-host.ts';
import { parallel, runSequence, serial } from '../../apply/runner.ts';
import type { Step } from '../../apply/runner.ts';
import type { ClusterPlan } from '../../plan/types.ts';
import { clusterFolder, forgetCluster } from '../../state/clusters.ts';
import type { Session } from '../session.ts';

/**
 * Takes away everything that a plan may have made, however far making it got. The record goes last: until then
 * deleting can be started again.
 */
export async function tearDown(session: Session, plan: ClusterPlan, manager: MachineManager): Promise<void> {
  const { host, paths, listener } = session;
  const machines = plan.machines.map((machine): Step => ({
    id: `delete/${machine.name}`,
    title: `Delete machine ${machine.name}`,
    run: () => destroyMachine(host, manager, machine),
  }));
  const network: Step = {
    id: 'delete/network',
    title: `Remove network ${plan.network.bridge}`,
    run: () => manager.tearDownHost(plan, clusterFolder(paths, plan.cluster)),
  };
  // without the signal: an interrupt must not leave a cluster half deleted
  await runSequence(serial(parallel(...machines), network), listener, new AbortController().signal);
  await forgetCluster(host, paths, plan.cluster);
}
