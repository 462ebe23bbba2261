import { KnestError } from '../../errors.ts';
import type { ClusterPlan, MachinePlan } from '../../plan/types.ts';
import { requireMachines } from '../find-machines.ts';
import { wantedAndMade } from '../change/open-cluster.ts';
import { openSession } from '../session.ts';
import type { Context } from '../types.ts';
import { canAnswer, rejoinSteps, whyNotStop } from './etcd-quorum.ts';
import { finish, withLockedCluster } from './locked-cluster.ts';
import type { LockedCluster } from './locked-cluster.ts';
import { runSteps, startSteps, stopSteps } from './steps.ts';
import type { WaitOptions } from './steps.ts';

export interface StartStopNodesOptions extends Context {
  /** May belong to several clusters. */
  nodes: readonly string[];
}

/**
 * Powers single nodes off. Their Node objects stay, and are NotReady after 40 s.
 * @throws KnestError when etcd would lose its quorum, unless `force`; kind "notFound", "locked"
 */
export async function stopNodes(options: StartStopNodesOptions & { force?: boolean }): Promise<void> {
  await eachCluster(
    options,
    async (cluster, machines) => {
      const loss = options.force ? undefined : await whyNotStop(cluster, machines);
      if (loss) throw loss;
      await runSteps(cluster, stopSteps(cluster, machines));
    },
    { finishing: false },
  );
}

/**
 * Starts single nodes, and waits for these; unless so few control planes run then that the API cannot answer.
 * @throws KnestError kind "notFound", "locked" or "notReady"
 */
export async function startNodes(options: StartStopNodesOptions & WaitOptions): Promise<void> {
  await eachCluster(options, async (cluster, machines) => {
    const wait = (await canAnswer(cluster, machines)) ? options : { wait: 0 };
    await runSteps(cluster, await startSteps(cluster, machines, wait));
  });
}

/**
 * Single nodes off and on again, one after the other: the next one when the one before is Ready, so that etcd keeps its
 * quorum where it can.
 * @throws KnestError kind "notFound", "locked" or "notReady"
 */
export async function restartNodes(options: StartStopNodesOptions & WaitOptions): Promise<void> {
  await eachCluster(options, async (cluster, machines) => {
    for (const machine of machines) {
      if (await whyNotStop(cluster, [machine])) {
        const message = `the API does not answer while ${machine.name} restarts: etcd has no quorum without it`;
        cluster.session.listener({ type: 'note', level: 'warning', message });
      }
      await runSteps(cluster, stopSteps(cluster, [machine]));
      await runSteps(cluster, await startSteps(cluster, [machine], options));
      if (machine !== machines.at(-1) && options.wait !== 0)
        await runSteps(cluster, rejoinSteps(cluster, machine));
    }
  });
}

/**
 * Does the work for the nodes of each cluster, one cluster after the other.
 * @param finishing whether a change of the cluster that was interrupted is finished first
 */
async function eachCluster(
  options: StartStopNodesOptions,
  work: (cluster: LockedCluster, machines: readonly MachinePlan[]) => Promise<void>,
  { finishing = true }: { finishing?: boolean } = {},
): Promise<void> {
  const found = await requireMachines(openSession(options), options.nodes);
  const clusters = new Set(found.map(({ record }) => record.plan.cluster));
  for (const name of clusters) {
    const names = found
      .filter(({ record }) => record.plan.cluster === name)
      .map(({ machine }) => machine.name);
    await withLockedCluster(options, name, async (locked) => {
      const cluster = finishing ? await finish(locked) : locked;
      const machines = wantedAndMade(cluster);
      refuseUnmade(cluster.plan, machines, finishing ? names : []);
      await work(
        cluster,
        names.flatMap((name) => machines.filter((machine) => machine.name === name)),
      );
    });
  }
}

/** A node that was being added cannot be made while the API does not answer. */
function refuseUnmade(
  { cluster, machines }: ClusterPlan,
  made: readonly MachinePlan[],
  names: readonly string[],
): void {
  const unmade = names.filter(
    (name) => machines.some((one) => one.name === name) && !made.some((one) => one.name === name),
  );
  if (unmade.length === 0) return;
  throw new KnestError(`adding ${unmade.join(', ')} was interrupted, and there is no machine yet`, {
    code: 'CLUSTER_INCOMPLETE',
    hint: `finish it: knest start cluster --name ${cluster}; or: knest delete node --force ${unmade.join(' ')}`,
  });
}
