import type { MachineManager } from '../../managers/types.ts';
import { runSequence, runStep, serial } from '../../apply/runner.ts';
import type { Sequence } from '../../apply/runner.ts';
import { KnestError } from '../../errors.ts';
import type { Lease } from '../../facts/types.ts';
import { etcdClient } from '../../clients/etcd/client.ts';
import type { KeyMaterial } from '../../pki/issue.ts';
import { etcdClientUrl, etcdPeerUrl } from '../../plan/components/etcd.ts';
import { controlPlanesOf } from '../../plan/control-planes.ts';
import type { ClusterPlan } from '../../plan/types.ts';
import type { ClusterSpec } from '../../spec/types.ts';
import type { Applied } from '../../state/applied.ts';
import { writeCluster } from '../../state/clusters.ts';
import { carryOut, settle } from '../nodes/move-to-plan.ts';
import { retryUntilReady } from '../retry.ts';
import { changedLeases, type Leases } from '../phases/leases.ts';
import { acquire } from '../phases/acquire.ts';
import { planBesideOthers } from '../phases/plan.ts';
import type { Session } from '../session.ts';
import { certificatesStep } from '../steps.ts';

export interface LeasedCluster {
  session: Session;
  manager: MachineManager;
  spec: ClusterSpec;
  plan: ClusterPlan;
  /** What has been carried out of the plan. */
  applied: Applied;
  material: KeyMaterial;
}

/**
 * For clusters whose nodes have their addresses by DHCP: when the server gives other addresses (a new router, a pool that
 * was moved), plans the cluster with these, and makes its certificates, flags, routes and kubeconfigs anew.
 * @returns plan and key material as they are afterwards
 * @throws KnestError for control planes that could not find each other again
 */
export async function followLeases(
  cluster: LeasedCluster,
): Promise<Pick<LeasedCluster, 'plan' | 'material'>> {
  const { session, manager, spec, applied, plan: before, material: known } = cluster;
  const leases = await changedLeases(session, manager, before);
  if (Object.keys(leases).length === 0) return { plan: before, material: known };
  refuseLostQuorum(before, leases);
  tell(session, before, leases);
  const acquired = await acquire(session, spec, { install: false, previous: before, leases });
  const after = await planBesideOthers(session, spec, acquired, { previous: before });
  const material = await runStep(certificatesStep(session, after), session.listener, session.signal);
  const steps = serial(
    {
      id: 'addresses',
      title: 'Nodes at their new addresses',
      run: async () => {
        await writeCluster(session.host, session.paths, spec, after);
        await carryOut({ session, manager, material, applied, plan: after });
      },
    },
    {
      id: 'kubeconfig',
      title: `Context ${after.context} leads to ${after.server}`,
      run: () => settle({ session, manager, material, applied, plan: after }),
    },
  );
  await runSequence(steps, session.listener, session.signal);
  return { plan: after, material };
}

/**
 * Refuses new addresses of control planes where there are several. etcd's members find each other by the addresses that
 * etcd has stored, and without a quorum it stores no new ones. A single member needs to find nobody.
 */
function refuseLostQuorum({ machines, cluster }: ClusterPlan, leases: Leases): void {
  const controlPlanes = controlPlanesOf(machines);
  const changed = controlPlanes.filter(({ name, address }) => (leases[name]?.address ?? address) !== address);
  if (controlPlanes.length === 1 || changed.length === 0) return;
  throw new KnestError(
    `DHCP gives ${changed.map(({ name }) => name).join(', ')} another address, and the ${controlPlanes.length} members of etcd know each other by their addresses`,
    {
      code: 'ADDRESS_CHANGED',
      details: changed.map(
        ({ name, address, lan }) =>
          `${name}: reserve ${address} for ${lan?.mac ?? ''}; it now gives ${leases[name]?.address ?? ''}`,
      ),
      hint: `let the DHCP server give them the addresses that they had, then: knest restart cluster --name ${cluster}`,
    },
  );
}

function tell({ listener }: Session, { machines }: ClusterPlan, leases: Leases): void {
  const said = (lease: Lease) => `${lease.address}, router ${lease.router ?? 'none'}`;
  for (const { name, address } of machines) {
    const lease = leases[name];
    if (lease)
      listener({
        type: 'note',
        level: 'info',
        message: `DHCP gives ${name} ${said(lease)}; it had ${address}`,
      });
  }
}

/** Tells etcd the new address of its only member, where later members will look for it. The member must run. */
export function rejoinAtNewAddress({
  session: { host },
  plan,
  material,
}: Pick<LeasedCluster, 'session' | 'plan' | 'material'>): Sequence {
  const [only, ...others] = plan.network.lan?.dhcp ? controlPlanesOf(plan.machines) : [];
  if (!only || others.length > 0) return serial();
  return {
    id: 'etcd' as const,
    title: `etcd knows the address of ${only.name}`,
    run: ({ signal }) =>
      retryUntilReady(`tell etcd the address of ${only.name}`, signal, async () => {
        const client = etcdClient([etcdClientUrl(only)], material, { via: host });
        try {
          const [member] = await client.members();
          const url = etcdPeerUrl(only);
          if (member && !member.peerUrls.includes(url)) await client.moveTo(member.id, url);
        } finally {
          client.close();
        }
      }),
  };
}
