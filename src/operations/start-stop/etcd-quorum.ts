import { serial } from '../../apply/runner.ts';
import type { Sequence } from '../../apply/runner.ts';
import { lossByStopping, quorumOf } from '../../clients/etcd/quorum.ts';
import { KnestError } from '../../errors.ts';
import { readEtcd } from '../../observe/etcd-members.ts';
import { controlPlanesOf } from '../../plan/control-planes.ts';
import type { MachinePlan } from '../../plan/types.ts';
import { retryUntilReady } from '../retry.ts';
import type { LockedCluster } from './locked-cluster.ts';

/** Whether etcd can have a quorum once the machines run; if not, the user is told how many are missing. */
export async function canAnswer(
  { session, plan, manager }: LockedCluster,
  starting: readonly MachinePlan[],
): Promise<boolean> {
  const controlPlanes = controlPlanesOf(plan.machines);
  const leaders = await Promise.all(controlPlanes.map((machine) => manager.leader(machine)));
  const up = controlPlanes.filter(
    (machine, index) => leaders[index] !== undefined || starting.some(({ name }) => name === machine.name),
  );
  const needed = quorumOf(controlPlanes.length);
  if (up.length >= needed) return true;
  const message =
    `not waiting for Ready: ${up.length} of ${controlPlanes.length} control planes will run, and the API answers ` +
    `when ${needed} do`;
  session.listener({ type: 'note', level: 'warning', message });
  return false;
}

/**
 * Waits until a restarted control plane is back in etcd. Its node is Ready earlier; restarting the next one then could
 * cost the quorum.
 */
export function rejoinSteps({ session, plan, material }: LockedCluster, machine: MachinePlan): Sequence {
  if (machine.role !== 'control-plane') return serial();
  const running = new Set([machine.name]);
  return {
    id: `rejoin/${machine.name}`,
    title: `${machine.name} is back in etcd`,
    run: ({ signal }) =>
      retryUntilReady(`see ${machine.name} back in etcd`, signal, async () => {
        const { members } = await readEtcd(plan, running, material, { via: session.host });
        const own = members.find(({ name }) => name === machine.name);
        if (!own?.healthy)
          throw new KnestError(`etcd: ${own?.detail ?? 'no such member'}`, { code: 'QUORUM_LOSS' });
      }),
  };
}

/** Why machines should not be stopped; undefined when etcd keeps its quorum, or has none to lose. */
export async function whyNotStop(
  { session, plan, manager, material }: LockedCluster,
  stopping: readonly MachinePlan[],
): Promise<KnestError | undefined> {
  if (!stopping.some(({ role }) => role === 'control-plane')) return undefined;
  const leaders = await Promise.all(
    plan.machines.map(async (machine) => [machine.name, await manager.leader(machine)] as const),
  );
  const running = leaders.filter(([, leader]) => leader !== undefined).map(([name]) => name);
  const { members } = await readEtcd(plan, new Set(running), material, { via: session.host });
  const names = stopping.map(({ name }) => name);
  const loss = lossByStopping(members, names);
  if (!loss) return undefined;
  const unwell = members.filter(({ healthy }) => !healthy);
  const first = unwell.length === 0 ? '' : 'start other control planes first, ';
  return new KnestError(
    `stopping ${names.join(', ')} would leave etcd ${loss.left} of its ${loss.voters} members, and it needs ` +
      `${loss.needed}: the API would answer no more until enough control planes run again`,
    {
      code: 'QUORUM_LOSS',
      details: unwell.map(({ name, detail }) => `not well already: ${name} (${detail})`),
      hint: `${first}stop it all with "knest stop cluster --name ${plan.cluster}", or use --force`,
    },
  );
}
