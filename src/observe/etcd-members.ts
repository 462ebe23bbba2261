import { messageOf } from '../errors.ts';
import type { KeyMaterial } from '../pki/issue.ts';
import { controlPlanesOf } from '../plan/control-planes.ts';
import type { ClusterPlan, MachinePlan } from '../plan/types.ts';
import { etcdClientUrl } from '../plan/components/etcd.ts';
import { etcdClient } from '../clients/etcd/client.ts';
import type { EtcdClient } from '../clients/etcd/client.ts';
import { hexId } from '../clients/etcd/objects.ts';
import type { EtcdAlarm, EtcdMember, EtcdMemberStatus } from '../clients/etcd/objects.ts';
import { hasQuorum, isHealthy } from '../clients/etcd/quorum.ts';
import type { ConnectionOptions } from '../clients/https.ts';

/** etcd of a cluster as it is now, member by member. */
export interface EtcdState {
  /** Whether enough voting members are healthy: without, nothing can be written. */
  quorum: boolean;
  members: readonly EtcdMemberState[];
}

export interface EtcdMemberState {
  /** Its machine's name; the peer URL of one that has no machine. */
  name: string;
  /** Hexadecimal, as etcdctl shows it; undefined when no member knows of it. */
  id: string | undefined;
  /** Nothing is wrong with it: it is healthy and has no alarm. */
  ok: boolean;
  /** It can cast its vote, see isHealthy. */
  healthy: boolean;
  /** Why it is not ok. */
  detail: string;
  leader: boolean;
  learner: boolean;
  /** The rest is only known of members that answer. */
  version: string | undefined;
  /** Bytes. */
  dbSize: number | undefined;
  raftTerm: number | undefined;
  raftIndex: number | undefined;
  /** NOSPACE: the database is full and nothing can be written. CORRUPT: members differ. */
  alarms: readonly string[];
}

/** Milliseconds for questions that may stay without an answer. */
const usualTimeout = 3_000;

/**
 * Asks every member whose machine runs.
 * @param running names of the machines that run: to wait for others would take the whole timeout
 * @param options the timeout is for the answer of one member
 */
export async function readEtcd(
  plan: Pick<ClusterPlan, 'machines'>,
  running: ReadonlySet<string>,
  material: KeyMaterial,
  options: ConnectionOptions,
): Promise<EtcdState> {
  const controlPlanes = controlPlanesOf(plan.machines);
  const asked = controlPlanes.filter(({ name }) => running.has(name));
  const client = etcdClient(asked.map(etcdClientUrl), material, { timeout: usualTimeout, ...options });
  try {
    const [members, alarms, answers] = await Promise.all([
      client.members().catch(() => undefined),
      client.alarms().catch(() => undefined),
      Promise.all(asked.map(async (machine) => [machine.name, await ask(client, machine)] as const)),
    ]);
    const byName = new Map<string, Answer>(answers);
    const states = pair(controlPlanes, members).map(({ name, member, machine }) => {
      const answer = machine && (byName.get(machine.name) ?? 'its machine is stopped');
      return stateOf(name, member, answer, alarms);
    });
    return { quorum: hasQuorum(states), members: states };
  } finally {
    client.close();
  }
}

/** What a member says, or why it says nothing. */
type Answer = EtcdMemberStatus | string;

async function ask(client: EtcdClient, machine: MachinePlan): Promise<Answer> {
  try {
    return await client.status(etcdClientUrl(machine));
  } catch (error) {
    return messageOf(error);
  }
}

interface Pair {
  name: string;
  machine: MachinePlan | undefined;
  member: EtcdMember | undefined;
}

/** Every control plane and every member once. A member that has not started has no name, but always a peer URL. */
function pair(controlPlanes: readonly MachinePlan[], members: readonly EtcdMember[] | undefined): Pair[] {
  const machineOf = ({ name, peerUrls }: EtcdMember): MachinePlan | undefined =>
    controlPlanes.find(
      (machine) =>
        machine.name === name ||
        peerUrls.some((url) => new URL(url).hostname === new URL(etcdClientUrl(machine)).hostname),
    );
  const owned = (members ?? []).map((member) => ({ member, machine: machineOf(member) }));
  return [
    ...controlPlanes.map((machine) => ({
      name: machine.name,
      machine,
      member: owned.find((one) => one.machine === machine)?.member,
    })),
    ...owned
      .filter(({ machine }) => machine === undefined)
      .map(({ member }) => ({
        name: member.name === '' ? member.peerUrls.join(',') : member.name,
        machine: undefined,
        member,
      })),
  ];
}

function stateOf(
  name: string,
  member: EtcdMember | undefined,
  answer: Answer | undefined,
  alarms: readonly EtcdAlarm[] | undefined,
): EtcdMemberState {
  const status = typeof answer === 'object' ? answer : undefined;
  const id = member?.id ?? status?.id;
  const own = (alarms ?? []).filter((alarm) => alarm.member === id).map(({ alarm }) => alarm);
  const troubles = [
    ...(answer === undefined ? ['the cluster has no such machine'] : []),
    ...(typeof answer === 'string' ? [answer] : []),
    // each member repeats the alarms of all members; they are shown with the one that raised them
    ...(status?.errors ?? []).filter((error) => alarms === undefined || !error.includes(' alarm:')),
    ...own.map((alarm) => `alarm ${alarm}`),
  ];
  return {
    name,
    id: id === undefined ? undefined : hexId(id),
    ok: troubles.length === 0,
    healthy: isHealthy(status),
    detail: troubles.join('; '),
    leader: status?.leader !== undefined && status.leader === status.id,
    learner: member?.learner ?? status?.learner ?? false,
    version: status?.version,
    dbSize: status?.dbSize,
    raftTerm: status?.raftTerm,
    raftIndex: status?.raftIndex,
    alarms: own,
  };
}
