import { unionPlan } from '../../state/union-plan.ts';
import { wantedAndMade } from '../change/open-cluster.ts';
import type { Context } from '../types.ts';
import { followLeases, rejoinAtNewAddress } from './follow-leases.ts';
import { finish, withLockedCluster } from './locked-cluster.ts';
import type { LockedCluster } from './locked-cluster.ts';
import { runSteps, startSteps, stopSteps } from './steps.ts';
import type { WaitOptions } from './steps.ts';

export interface StartStopOptions extends Context {
  name: string;
}

/**
 * Powers all machines of a cluster off; their disks, and so the cluster, stay.
 * @throws KnestError kind "notFound", or "locked" while another knest works on it
 */
export async function stopCluster(options: StartStopOptions): Promise<void> {
  await withLockedCluster(options, options.name, async (cluster) => {
    await stopAll(cluster);
  });
}

/**
 * Starts what does not run of a cluster, its network included, and waits for its nodes: after stopCluster, after a
 * crash, after a reboot of the host.
 * @throws KnestError kind "notFound", "locked" or "notReady"
 */
export async function startCluster(options: StartStopOptions & WaitOptions): Promise<void> {
  await withLockedCluster(options, options.name, (cluster) => startAll(cluster, options));
}

/** All machines of a cluster off, and on again. @throws KnestError as of stopCluster and startCluster */
export async function restartCluster(options: StartStopOptions & WaitOptions): Promise<void> {
  await withLockedCluster(options, options.name, async (cluster) => {
    await stopAll(cluster);
    await startAll(cluster, options);
  });
}

async function stopAll(cluster: LockedCluster): Promise<void> {
  const { plan, manager } = cluster;
  // also machines that an interrupted change was adding or deleting
  await runSteps(cluster, stopSteps(cluster, unionPlan(cluster).machines));
  await manager.afterStop(plan);
}

/**
 * Starts the machines; those that have their addresses by DHCP, at the addresses that the server gives them now. A change
 * that was interrupted is finished in two parts: machines get their new files before they start; nodes are added or
 * deleted when the API answers again.
 */
async function startAll(before: LockedCluster, options: WaitOptions): Promise<void> {
  const waiting = options.wait === undefined ? {} : { wait: options.wait };
  const finished = await finish(before, waiting);
  const cluster = { ...finished, ...(await followLeases(finished)) };
  await runSteps(cluster, await startSteps(cluster, wantedAndMade(cluster), options));
  if (options.wait !== 0) await runSteps(cluster, rejoinAtNewAddress(cluster));
  await finish(cluster, { ...waiting, tell: false });
}
