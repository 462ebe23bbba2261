/** One machine's turn in a change: its pods go, it is brought to the plan, its node is well and takes pods again. */

import type { Step, StepTools } from '../../apply/runner.ts';
import { withAdminClient } from '../../observe/admin-client.ts';
import { ApiError } from '../../clients/kubernetes/client.ts';
import type { KubernetesClient } from '../../clients/kubernetes/client.ts';
import { KnestError } from '../../errors.ts';
import { waitForNode } from '../../observe/readiness.ts';
import type { MachinePlan } from '../../plan/types.ts';
import { beginAppliedMachine, writeAppliedMachine } from '../../state/applied.ts';
import type { AppliedMachine } from '../../state/applied.ts';
import { clusterFolder } from '../../state/clusters.ts';
import { completeNode } from '../complete-node.ts';
import { drainNode } from '../nodes/drain.ts';
import { updateApplied } from '../nodes/move-to-plan.ts';
import { retryUntilReady } from '../retry.ts';
import { defaultWait } from '../steps.ts';
import { cordon, uncordon } from './cordon.ts';
import { handOverEtcd, waitForEtcd, waitForProbes } from './control-plane-turn.ts';
import { nodeObjectDiffers, updateNodeObject } from './node-object.ts';
import { apiCanAnswer } from './open-cluster.ts';
import type { OpenCluster } from './open-cluster.ts';
import type { Turn } from './rollout.ts';
import { defaultDrainTimeout } from './types.ts';
import type { CarryOutOptions } from './types.ts';

/** Steps of one machine that stays. Running them again is harmless. */
export function turnSteps(cluster: OpenCluster, turn: Turn, options: CarryOutOptions): Step[] {
  const { session, manager, material, record } = cluster;
  const { plan, applied } = record;
  const machine = plan.machines.find(({ name }) => name === turn.machine);
  const old = applied.machines.find((one) => one.machine.name === turn.machine);
  if (!machine || !old) return [];
  const { name } = machine;
  const folder = clusterFolder(session.paths, plan.cluster);
  let since: Date | undefined;
  const isToBeTold = async (): Promise<boolean> =>
    nodeObjectDiffers(plansOf(old), machine) && (await answers(cluster));
  const isOff = async (): Promise<boolean> => (await manager.leader(machine)) === undefined;
  return [
    ...(turn.drain ? [drainStep(cluster, old, options)] : []),
    {
      id: `change/${name}/machine`,
      title: `${turn.reboot ? 'Restart' : 'Change'} machine ${name}: ${turn.why}`,
      run: async ({ signal }) => {
        const wasOff = await isOff();
        if (!wasOff) await handOverEtcd(cluster, machine, turn);
        if (!wasOff && (await isToBeTold())) await tellNode(cluster, old, machine);
        // what was written before the machine ended does not count as a sign of life
        if (turn.reboot || turn.restart.includes('kubelet.service')) since = wholeSecond();
        await updateApplied({ session, manager, material, applied, plan }, machine, {
          well: wasOff && !turn.drain,
        });
        // it was on its way when somebody ended knest
        if (wasOff && old.underway) await manager.start(machine, signal);
      },
    },
    {
      id: `change/${name}/well`,
      title: `Node ${name} is well`,
      done: async () => (await isOff()) || !(await apiCanAnswer(cluster)),
      run: async (tools) => {
        const told = nodeObjectDiffers(plansOf(old), machine);
        await waitUntilWell(cluster, machine, {
          since,
          etcd: turn.reboot || turn.restart.includes('etcd.service') || old.underway !== undefined,
          timeout: options.wait ?? defaultWait,
          tools,
        });
        // once more, for an API that did not answer before
        if (told) await tellNode(cluster, old, machine);
        await writeAppliedMachine(session.host, folder, machine, material);
      },
    },
  ];
}

/** Every plan that a machine may follow. */
export function plansOf({ machine, underway }: AppliedMachine): MachinePlan[] {
  return underway ? [machine, underway] : [machine];
}

/** Gives a Node object the labels and taints of the new plan; one that is not there registers with them. */
export async function tellNode(
  cluster: OpenCluster,
  old: AppliedMachine,
  machine: MachinePlan,
): Promise<void> {
  await withClient(cluster, (client) =>
    retryUntilReady(`tell the API server of ${machine.name}`, cluster.session.signal, () =>
      unlessGone(updateNodeObject(client, plansOf(old), machine)),
    ),
  );
}

/** A node whose machine is off has no pods to evict, and one whose API does not answer cannot have them evicted. */
export function drainStep(
  cluster: OpenCluster,
  old: AppliedMachine,
  { drainTimeout = defaultDrainTimeout }: CarryOutOptions,
): Step {
  const { session, manager, record } = cluster;
  const { name } = old.machine;
  const folder = clusterFolder(session.paths, record.plan.cluster);
  const again = old.underway ? 'the change is not finished' : 'nothing was changed there';
  return {
    id: `change/${name}/drain`,
    title: `Evict the pods of ${name}`,
    done: async () => (await manager.leader(old.machine)) === undefined || !(await answers(cluster)),
    run: async ({ signal, progress }) => {
      // whoever goes on after this knest was killed must know that the node may be cordoned
      await beginAppliedMachine(session.host, folder, old, old.underway ?? old.machine);
      await withClient(cluster, async (client) => {
        const isThere = await retryUntilReady(`cordon ${name}`, signal, () =>
          unlessGone(cordon(client, name)),
        );
        if (!isThere) return;
        try {
          await drainNode({ ...session, signal }, old.machine, record.plan, {
            timeout: drainTimeout,
            progress,
            consequence: again,
            hint: 'a longer --drain-timeout gives its pods more time; or make room for them, or delete what holds them',
          });
        } catch (error) {
          // nothing has happened to it yet: it goes on as before
          await uncordon(client, name).catch(() => undefined);
          throw error;
        }
      });
    },
  };
}

export interface WellOptions {
  /** Only what its kubelet has said after this counts. */
  since: Date | undefined;
  /** Whether its etcd was ended as well. */
  etcd: boolean;
  /** Milliseconds; 0: nobody waits. */
  timeout: number;
  tools: StepTools;
}

/** Waits until a node is Ready, its components are well, and it takes pods again. @throws KnestError (NOT_READY) */
export async function waitUntilWell(
  cluster: OpenCluster,
  machine: MachinePlan,
  { since, etcd, timeout, tools }: WellOptions,
): Promise<void> {
  const { session, manager, record } = cluster;
  const { signal, progress } = tools;
  await withClient(cluster, async (client) => {
    if (timeout > 0) {
      await waitForNode(session.host, manager, client, machine, {
        ...{ timeout, progress, signal },
        ...(since ? { since } : {}),
        withoutNetwork: record.plan.network.cni === 'none',
        onRegistered: (one) => completeNode(client, one),
      });
      if (etcd) await waitForEtcd(cluster, machine, { timeout, signal });
      await waitForProbes(cluster, machine, { timeout, signal, progress });
    }
    await retryUntilReady(`let ${machine.name} take pods again`, signal, () =>
      unlessGone(uncordon(client, machine.name)),
    );
  });
}

/** @returns false when there is no such node */
async function unlessGone(work: Promise<void>): Promise<boolean> {
  try {
    await work;
    return true;
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return false;
    throw error;
  }
}

export function withClient<T>(
  { session, record, material }: OpenCluster,
  use: (client: KubernetesClient) => Promise<T>,
): Promise<T> {
  return withAdminClient(record.plan.endpoint, material, { via: session.host }, use);
}

/** Whether the API server answers; one that has just been started gets its time. */
export async function answers(cluster: OpenCluster): Promise<boolean> {
  if (!(await apiCanAnswer(cluster))) return false;
  try {
    await withClient(cluster, (client) =>
      retryUntilReady('ask the API server', cluster.session.signal, () => client.get<string>('/readyz'), {
        patience: 20_000,
      }),
    );
    return true;
  } catch (error) {
    cluster.session.signal.throwIfAborted();
    if (error instanceof KnestError) return false;
    throw error;
  }
}

/** The API server has heartbeats in whole seconds. */
function wholeSecond(): Date {
  return new Date(Math.floor(Date.now() / 1000) * 1000);
}
