import type { MachineManager } from '../apply/machine-manager.ts';
import { parallel, runSequence, serial } from '../apply/runner.ts';
import { clusterLock, readKeyMaterial, requireCluster } from '../state/clusters.ts';
import type { ClusterRecord } from '../state/clusters.ts';
import { acquireLock } from '../state/lock.ts';
import { openManager } from './machines.ts';
import { openSession } from './session.ts';
import type { Session } from './session.ts';
import { defaultWait, networkStep, readySteps } from './steps.ts';
import type { Context } from './types.ts';

export interface PowerOptions extends Context {
  name: string;
}

/**
 * Powers all machines of a cluster off; their disks, and so the cluster, stay.
 * @throws KnestError kind "notFound", or "locked" while another knest works on it
 */
export async function stopCluster(options: PowerOptions): Promise<void> {
  await withCluster(options, async (session, { plan }, manager) => {
    const steps = plan.machines.map((machine) => ({
      id: `stop/${machine.name}`,
      title: `Stop machine ${machine.name}`,
      run: () => manager.stop(machine),
    }));
    await runSequence(parallel(...steps), session.listener, session.signal);
  });
}

/**
 * Starts what does not run of a cluster, its network included, and waits for its nodes: after stopCluster, after a
 * crash, after a reboot of the host.
 * @throws KnestError kind "notFound", "locked" or "notReady"
 */
export async function startCluster(options: PowerOptions & { wait?: number }): Promise<void> {
  // heartbeats are told in whole seconds
  const since = new Date(Math.floor(Date.now() / 1000) * 1000);
  await withCluster(options, async (session, { plan }, manager) => {
    const material = await readKeyMaterial(session.host, session.paths, plan.cluster);
    const timeout = options.wait ?? defaultWait;
    const leaders = await Promise.all(plan.machines.map((machine) => manager.leader(machine)));
    const machines = plan.machines.map((machine) => ({
      id: `start/${machine.name}`,
      title: `Start machine ${machine.name}`,
      done: async () => (await manager.leader(machine)) !== undefined,
      run: ({ signal }: { signal: AbortSignal }) => manager.start(machine, signal),
    }));
    // a kubelet that ran all along reports every five minutes only
    const fresh = leaders.includes(undefined) ? { since } : {};
    const waiting = readySteps({ session, plan, manager, material: () => material, timeout, ...fresh });
    const steps = serial(networkStep(session, plan), parallel(...machines), ...(timeout > 0 ? waiting : []));
    await runSequence(steps, session.listener, session.signal);
  });
}

async function withCluster(
  options: PowerOptions,
  work: (session: Session, record: ClusterRecord, manager: MachineManager) => Promise<void>,
): Promise<void> {
  const session = openSession(options);
  const { host, paths } = session;
  const record = await requireCluster(host, paths, options.name);
  const lock = await acquireLock(host, clusterLock(paths, options.name));
  try {
    await work(session, record, await openManager(session));
  } finally {
    await lock.release();
  }
}
