import type { MachineManager } from '../../managers/types.ts';
import { KnestError } from '../../errors.ts';
import { etcdClient } from '../../clients/etcd/client.ts';
import type { EtcdClient } from '../../clients/etcd/client.ts';
import type { EtcdMember } from '../../clients/etcd/objects.ts';
import { lossByRemoving } from '../../clients/etcd/quorum.ts';
import { readEtcd } from '../../observe/etcd-members.ts';
import type { KeyMaterial } from '../../pki/issue.ts';
import { etcdClientUrl, etcdPeerUrl } from '../../plan/components/etcd.ts';
import type { Host } from '../../host/types.ts';
import type { MachinePlan } from '../../plan/types.ts';
import { retryUntilReady } from '../retry.ts';

/**
 * Lets a control plane into etcd: first as a learner, which has no vote and so cannot cost the others their quorum,
 * then, once it has caught up, as a member (etcd: "Learner design").
 * @param present control planes that are members already
 * @param start boots the machine; its etcd gives up and tries again until it has been announced
 * @throws KnestError when it does not get that far in a minute
 */
export async function joinEtcd(
  host: Host,
  present: readonly MachinePlan[],
  machine: MachinePlan,
  material: KeyMaterial,
  start: () => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const client = etcdClient(present.map(etcdClientUrl), material, { via: host });
  try {
    const member = await retryUntilReady(`announce ${machine.name} to etcd`, signal, () =>
      client.addLearner(etcdPeerUrl(machine)),
    );
    await start();
    if (member.learner || member.name === '') {
      await retryUntilReady(`give ${machine.name} a vote in etcd`, signal, () => promote(client, member));
    }
  } finally {
    client.close();
  }
}

/** Does nothing for a member that has its vote already, given by a run that was killed. */
async function promote(client: EtcdClient, { id }: EtcdMember): Promise<void> {
  const known = (await client.members()).find((member) => member.id === id);
  if (known?.learner === false) return;
  await client.promote(id);
}

/**
 * Refuses what would leave etcd without a quorum: after control planes have gone, more than half of the others must
 * answer.
 * @throws KnestError
 */
export async function requireQuorumWithout(
  host: Host,
  leaving: readonly MachinePlan[],
  controlPlanes: readonly MachinePlan[],
  material: KeyMaterial,
): Promise<void> {
  const names = leaving.map(({ name }) => name);
  const everyone = new Set(controlPlanes.map(({ name }) => name));
  const { members } = await readEtcd({ machines: controlPlanes }, everyone, material, { via: host });
  const loss = lossByRemoving(members, names);
  if (!loss) return;
  throw new KnestError(
    `etcd would lose its quorum without ${names.join(', ')}: ` +
      `of ${loss.voters} control planes that stay ${loss.left} would answer, and it takes ${loss.needed}`,
    {
      code: 'QUORUM_LOSS',
      details: members.filter(({ healthy }) => !healthy).map(({ name }) => `does not answer: ${name}`),
      hint: 'start the control planes that do not run, delete those first that are dead, or use --force',
    },
  );
}

/**
 * Takes a control plane out of etcd; it hands leadership over before it goes.
 * @throws KnestError when the others do not agree, for want of a quorum
 */
export async function leaveEtcd(
  host: Host,
  staying: readonly MachinePlan[],
  machine: MachinePlan,
  material: KeyMaterial,
): Promise<void> {
  const everyone = etcdClient([...staying, machine].map(etcdClientUrl), material, {
    timeout: 3_000,
    via: host,
  });
  const others = etcdClient(staying.map(etcdClientUrl), material, { via: host });
  try {
    const members = await others.members();
    const member = members.find(({ peerUrls }) => peerUrls.includes(etcdPeerUrl(machine)));
    if (!member) return;
    const heir = members.find(({ id, learner }) => id !== member.id && !learner);
    const status = await everyone.status(etcdClientUrl(machine)).catch(() => undefined);
    // handing over takes no time, an election takes a second or two; a dead member cannot hand over
    if (heir && status?.leader === member.id) await everyone.moveLeader(heir.id).catch(() => undefined);
    await others.remove(member.id);
  } finally {
    everyone.close();
    others.close();
  }
}

const dropIn = '/run/systemd/system/etcd.service.d';

/**
 * Makes the only control plane that is left a cluster of one again, with the data that it has, when there is no
 * majority any more that could take the dead out (etcd: "Disaster recovery", --force-new-cluster).
 */
export async function forceNewEtcd(manager: MachineManager, machine: MachinePlan): Promise<void> {
  const write = `mkdir -p ${dropIn} && printf '[Service]\\nEnvironment=ETCD_FORCE_NEW_CLUSTER=true\\n' > ${dropIn}/force.conf`;
  await manager.run(machine, ['sh', '-c', `${write} && systemctl daemon-reload && systemctl restart etcd`]);
  // the flag is for this start only: the next one must not force a new cluster again
  await manager.run(machine, ['sh', '-c', `rm -r ${dropIn} && systemctl daemon-reload`]);
}
