/** What a control plane's turn asks of etcd and of its components. */

import { setTimeout as sleep } from 'node:timers/promises';

import { etcdClient } from '../../clients/etcd/client.ts';
import { lossByStopping } from '../../clients/etcd/quorum.ts';
import { KnestError } from '../../errors.ts';
import type { Progress } from '../../events.ts';
import { readEtcd } from '../../observe/etcd-members.ts';
import type { EtcdState } from '../../observe/etcd-members.ts';
import { runProbe } from '../../observe/probes.ts';
import { etcdClientUrl } from '../../plan/components/etcd.ts';
import { controlPlanesOf } from '../../plan/control-planes.ts';
import type { MachinePlan } from '../../plan/types.ts';
import { pollUntil } from '../../poll.ts';
import { wantedAndMade } from './open-cluster.ts';
import type { OpenCluster } from './open-cluster.ts';
import type { Turn } from './rollout.ts';

/** Milliseconds between two looks. */
const interval = 500;

interface Waiting {
  /** Milliseconds. */
  timeout: number;
  signal: AbortSignal;
}

/**
 * Before etcd of a control plane is ended: refuses where the others would have no quorum, and hands leadership over, as an
 * election takes a second or two in which nothing can be written. Does nothing where it is the only one.
 * @throws KnestError (QUORUM_LOSS)
 */
export async function handOverEtcd(cluster: OpenCluster, machine: MachinePlan, turn: Turn): Promise<void> {
  if (machine.role !== 'control-plane' || !(turn.reboot || turn.restart.includes('etcd.service'))) return;
  const present = controlPlanesOf(presentMachines(cluster));
  if (present.length < 2) return;
  const { members } = await askEtcd(cluster, present);
  const loss = lossByStopping(members, [machine.name]);
  if (loss) {
    const unwell = members.filter(({ healthy, name }) => !healthy && name !== machine.name);
    throw new KnestError(
      `changing ${machine.name} would leave etcd ${loss.left} of its ${loss.voters} members, and it needs ${loss.needed}`,
      {
        code: 'QUORUM_LOSS',
        details: unwell.map(({ name, detail }) => `not well already: ${name} (${detail})`),
        hint: 'bring the other control planes back first: knest start cluster, or knest status cluster says why not',
      },
    );
  }
  const own = members.find(({ name }) => name === machine.name);
  const heir = members.find(({ name, healthy, learner }) => name !== machine.name && healthy && !learner);
  if (!own?.leader || heir?.id === undefined) return;
  const client = etcdClient([etcdClientUrl(machine)], cluster.material, { via: cluster.session.host });
  try {
    // without it there is an election: slower, and nothing worse
    await client.moveLeader(BigInt(`0x${heir.id}`).toString()).catch(() => undefined);
  } finally {
    client.close();
  }
}

/** Waits until a control plane can cast its vote in etcd again. @throws KnestError (NOT_READY) */
export async function waitForEtcd(
  cluster: OpenCluster,
  machine: MachinePlan,
  { timeout, signal }: Waiting,
): Promise<void> {
  if (machine.role !== 'control-plane') return;
  let last = 'no such member';
  const error = (): KnestError =>
    new KnestError(`etcd on ${machine.name} is not well after ${timeout / 1000} s: ${last}`, {
      code: 'NOT_READY',
      hint: `knest logs ${machine.name} -u etcd`,
    });
  await pollUntil({ interval, limit: { timeout, error }, signal }, async () => {
    const { members } = await askEtcd(cluster, [machine]);
    const own = members.find(({ name }) => name === machine.name);
    last = own?.detail ?? 'no such member';
    return own?.healthy ? { value: undefined } : undefined;
  });
}

/** Waits until all components of a machine say that they are well. @throws KnestError (NOT_READY) that names those that do not */
export async function waitForProbes(
  { manager }: OpenCluster,
  machine: MachinePlan,
  { timeout, signal, progress }: Waiting & { progress: Progress },
): Promise<void> {
  let left = machine.probes;
  let why: string[] = [];
  const error = (): KnestError =>
    new KnestError(`${machine.name} is not well after ${timeout / 1000} s`, {
      code: 'NOT_READY',
      details: why,
      hint: left[0]
        ? `knest logs ${machine.name} -u ${left[0].unit.replace(/\.service$/, '')}`
        : 'knest status',
    });
  await pollUntil({ interval: 0, limit: { timeout, error }, signal }, async () => {
    const answers = await Promise.all(left.map((probe) => runProbe(manager, machine, probe)));
    why = answers.filter(({ ok }) => !ok).map(({ says, detail }) => `no: ${says} (${detail})`);
    left = left.filter((_, index) => !answers[index]?.ok);
    if (left.length === 0) return { value: undefined };
    progress(why[0] ?? '');
    await sleep(interval, undefined, { signal }).catch(() => undefined);
    return undefined;
  });
}

function askEtcd({ session, material }: OpenCluster, machines: readonly MachinePlan[]): Promise<EtcdState> {
  const names = new Set(machines.map(({ name }) => name));
  return readEtcd({ machines }, names, material, { via: session.host });
}

/** Those that are in the cluster now, as they are. */
function presentMachines({ record }: OpenCluster): MachinePlan[] {
  const staying = new Set(wantedAndMade(record).map(({ name }) => name));
  return record.applied.machines.map(({ machine }) => machine).filter(({ name }) => staying.has(name));
}
