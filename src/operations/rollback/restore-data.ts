/** etcd's data brought back to what it was, with the programs that wrote it. The whole control plane is off meanwhile. */

import { parallel, runSequence, serial } from '../../apply/runner.ts';
import type { Step } from '../../apply/runner.ts';
import { differs } from '../../diff/equal.ts';
import { controlPlanesOf } from '../../plan/control-planes.ts';
import type { MachinePlan } from '../../plan/types.ts';
import { requireCluster } from '../../state/clusters.ts';
import { requireGeneration } from '../../state/history.ts';
import {
  readPendingRestore,
  removePendingRestore,
  writePendingRestore,
} from '../../state/pending-restore.ts';
import type { OpenCluster } from '../change/open-cluster.ts';
import { waitUntilWell } from '../change/turn.ts';
import { restoreEtcdSnapshot } from '../etcd-snapshot/restore.ts';
import { updateApplied, updateHost } from '../nodes/move-to-plan.ts';
import { defaultWait, networkStep } from '../steps.ts';

export interface RestoreOptions {
  /** Milliseconds in which each control plane must be well again. */
  wait?: number | undefined;
}

/**
 * Goes on with bringing etcd's data back where that has begun: all control planes stop and get the wanted plan's programs,
 * their data is made of the snapshot, they start, and whoever watched the API looks anew. Each part may be repeated; what is
 * written once they run is not lost by that. Does nothing where nothing has begun.
 * @returns the cluster as it is afterwards
 */
export async function finishRestore(
  cluster: OpenCluster,
  { wait = defaultWait }: RestoreOptions = {},
): Promise<OpenCluster> {
  const { session, manager, material, record } = cluster;
  const { host, paths, listener, signal } = session;
  const { plan, applied } = record;
  const pending = await readPendingRestore(host, paths, plan.cluster);
  if (!pending) return cluster;
  const planes = controlPlanesOf(plan.machines);
  const move = { session, manager, material, applied, plan };
  const { snapshotFile, plan: wanted } = await requireGeneration(
    host,
    paths,
    plan.cluster,
    pending.generation,
  );
  // it was ended before the first thing was touched
  if (pending.phase === 'begun' && differs(wanted, plan)) {
    await removePendingRestore(host, paths, plan.cluster);
    return cluster;
  }
  const stop = planes.map((machine): Step => ({
    id: `stop/${machine.name}`,
    title: `Stop machine ${machine.name}`,
    done: async () => (await manager.leader(machine)) === undefined,
    run: () => manager.stop(machine),
  }));
  const data: Step = {
    id: 'restore',
    title: 'Bring the data of etcd back',
    run: async ({ progress }) => {
      await updateHost(move);
      for (const machine of planes) await updateApplied(move, machine, { well: false });
      await restoreEtcdSnapshot({ host, paths, machines: planes, file: snapshotFile, progress, signal });
      await writePendingRestore(host, paths, plan.cluster, { ...pending, phase: 'restored' });
    },
  };
  if (pending.phase === 'begun') await runSequence(serial(parallel(...stop), data), listener, signal);
  const restored = { ...cluster, record: await requireCluster(host, paths, plan.cluster) };
  await runSequence(
    serial(
      networkStep(session, manager, plan),
      // etcd needs more than half of them at once
      parallel(...planes.map((machine) => startStep(cluster, machine))),
      ...(wait > 0 ? planes.map((machine) => wellStep(restored, machine, wait)) : []),
      lookAnewStep(restored),
    ),
    listener,
    signal,
  );
  await removePendingRestore(host, paths, plan.cluster);
  return { ...cluster, record: await requireCluster(host, paths, plan.cluster) };
}

function startStep({ manager }: OpenCluster, machine: MachinePlan): Step {
  return {
    id: `start/${machine.name}`,
    title: `Start machine ${machine.name}`,
    done: async () => (await manager.leader(machine)) !== undefined,
    run: ({ signal }) => manager.start(machine, signal),
  };
}

function wellStep(cluster: OpenCluster, machine: MachinePlan, timeout: number): Step {
  // heartbeats in the snapshot are of another time
  const since = new Date(Math.floor(Date.now() / 1000) * 1000);
  return {
    id: `change/${machine.name}/well`,
    title: `Node ${machine.name} is well`,
    run: (tools) => waitUntilWell(cluster, machine, { since, etcd: true, timeout, tools }),
  };
}

/** Those of knest's own on machines that ran all along: they know of revisions that are not there any more. */
const watchers = ['kubelet.service', 'kube-proxy.service', 'knest-agent.service'];

/** Pods go on while their kubelet starts anew. */
function lookAnewStep({ manager, record }: OpenCluster): Step {
  const workers = record.applied.machines
    .map(({ machine }) => machine)
    .filter(({ role }) => role === 'worker');
  return {
    id: 'others',
    title: 'Other nodes look anew',
    run: async () => {
      for (const machine of workers) {
        if ((await manager.leader(machine)) === undefined) continue;
        const units = watchers.filter((name) => machine.units.some((unit) => unit.name === name));
        await manager.run(machine, ['systemctl', 'restart', '--', ...units]);
      }
    },
  };
}
