import { parallel, runSequence, serial } from '../../apply/runner.ts';
import type { Sequence, Step } from '../../apply/runner.ts';
import type { MachinePlan } from '../../plan/types.ts';
import { defaultWait, networkStep, readySteps } from '../steps.ts';
import type { LockedCluster } from './locked-cluster.ts';

export interface WaitOptions {
  /** Milliseconds to wait for what is started to be Ready; 0 does not wait. Default 5 minutes. */
  wait?: number;
}

export function runSteps({ session }: LockedCluster, sequence: Sequence): Promise<void> {
  return runSequence(sequence, session.listener, session.signal);
}

export function stopSteps({ manager }: LockedCluster, machines: readonly MachinePlan[]): Sequence {
  const steps = machines.map((machine): Step => ({
    id: `stop/${machine.name}`,
    title: `Stop machine ${machine.name}`,
    done: async () => (await manager.leader(machine)) === undefined,
    run: () => manager.stop(machine),
  }));
  return parallel(...steps);
}

/** Starts the machines that do not run, and waits until all are Ready. @param options wait in milliseconds */
export async function startSteps(
  cluster: LockedCluster,
  machines: readonly MachinePlan[],
  { wait = defaultWait }: WaitOptions,
): Promise<Sequence> {
  const { session, plan, manager } = cluster;
  const leaders = await Promise.all(machines.map((machine) => manager.leader(machine)));
  const steps = machines.map((machine): Step => ({
    id: `start/${machine.name}`,
    title: `Start machine ${machine.name}`,
    done: async () => (await manager.leader(machine)) !== undefined,
    run: ({ signal }) => manager.start(machine, signal),
  }));
  const stopped = machines.filter((_, index) => leaders[index] === undefined);
  return serial(
    networkStep(session, manager, plan),
    parallel(...steps),
    ...(wait > 0 ? waitSteps(cluster, stopped, machines, wait) : []),
  );
}

/**
 * For a machine that has just been started, only heartbeats from now on count: the API server still has the old ones. For
 * a machine that ran all along the old ones do: its kubelet reports only every five minutes.
 */
function waitSteps(
  { session, plan, manager, material }: LockedCluster,
  started: readonly MachinePlan[],
  all: readonly MachinePlan[],
  timeout: number,
): Step[] {
  // the API server has heartbeats in whole seconds
  const since = new Date(Math.floor(Date.now() / 1000) * 1000);
  const waiting = (machines: readonly MachinePlan[], more: { since?: Date }): Step[] =>
    machines.length === 0
      ? []
      : readySteps({
          session,
          plan: { ...plan, machines },
          manager,
          material,
          timeout,
          ...more,
        });
  const others = waiting(
    all.filter((machine) => !started.includes(machine)),
    {},
  );
  const [ready, ...usable] = waiting(started, { since });
  if (!ready) return others;
  const [othersReady] = others;
  return [
    ready,
    ...(othersReady ? [{ ...othersReady, id: 'ready/others' as const, title: 'Other nodes Ready' }] : []),
    ...usable,
  ];
}
