import type { MachineManager } from '../managers/types.ts';
import { runSequence, serial } from '../apply/runner.ts';
import { KnestError } from '../errors.ts';
import type { Lease } from '../facts/types.ts';
import { renderKubeconfig } from '../formats/kubeconfig.ts';
import { etcdClient } from '../clients/etcd.ts';
import type { KeyMaterial } from '../pki/issue.ts';
import { etcdClientUrl, etcdPeerUrl } from '../plan/components/etcd.ts';
import { controlPlanesOf } from '../plan/control-planes.ts';
import type { ClusterPlan } from '../plan/types.ts';
import type { ClusterSpec } from '../spec/types.ts';
import { clusterFolder } from '../state/clusters.ts';
import { kubeconfigPath, replaceInKubeconfig } from '../workstation/kubeconfig.ts';
import { adminKubeconfig } from './admin-kubeconfig.ts';
import { moveToPlan } from './move-to-plan.ts';
import { retryUntilReady } from './retry.ts';
import { changedLeases, type Leases } from './phases/leases.ts';
import { prepare } from './phases/prepare.ts';
import type { Session } from './session.ts';
import { certificatesStep } from './steps.ts';

export interface LeasedCluster {
  session: Session;
  manager: MachineManager;
  spec: ClusterSpec;
  plan: ClusterPlan;
  material: KeyMaterial;
}

/**
 * A cluster whose nodes have their addresses by DHCP, at the addresses that they have by now: when the server gives
 * others (a new router, a pool that was moved), certificates, flags, routes and kubeconfigs are made for those.
 * @returns plan and key material as they are then
 * @throws KnestError for control planes that could not find each other again
 */
export async function followLeases(
  cluster: LeasedCluster,
): Promise<Pick<LeasedCluster, 'plan' | 'material'>> {
  const { session, manager, spec, plan: before, material: known } = cluster;
  const leases = await changedLeases(session, manager, before);
  if (Object.keys(leases).length === 0) return { plan: before, material: known };
  refuseLostQuorum(before, leases);
  tell(session, before, leases);
  const { plan: after } = await prepare(session, spec, { install: false, previous: before, leases });
  let material = known;
  const steps = serial(
    certificatesStep(session, after, (issued) => {
      material = issued;
    }),
    {
      id: 'addresses',
      title: 'Nodes at their new addresses',
      run: () => {
        const renewed = new Set(
          [...material].filter(([file, text]) => known.get(file) !== text).map(([file]) => file),
        );
        return moveToPlan({ session, manager, material, spec, before, after, renewed });
      },
    },
    {
      id: 'kubeconfig',
      title: `Context ${after.context} leads to ${after.server}`,
      run: () => changeKubeconfigs(session, after, material),
    },
  );
  await runSequence(steps, session.listener, session.signal);
  return { plan: after, material };
}

/**
 * etcd remembers where its members are. One alone has nobody to find, several that have all moved find nobody, and
 * without a quorum none of them can be told.
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

/** knest's own, and the user's where it is the usual one and has the context. */
async function changeKubeconfigs(
  { host, paths, listener }: Session,
  plan: ClusterPlan,
  material: KeyMaterial,
) {
  const input = adminKubeconfig(plan, material);
  await host.writeFile(`${clusterFolder(paths, plan.cluster)}/kubeconfig`, renderKubeconfig(input), 0o600);
  const path = kubeconfigPath(undefined, process.env);
  if (await replaceInKubeconfig(host, path, input)) return;
  const message = `${path} has no context ${plan.context}; where you have it: knest export kubeconfig`;
  listener({ type: 'note', level: 'info', message });
}

/** Tells etcd where its only member is: new members are going to look for it there. Needs it to run. */
export function rejoinAtNewAddress({ plan, material }: Pick<LeasedCluster, 'plan' | 'material'>) {
  const [only, ...others] = plan.network.lan?.dhcp ? controlPlanesOf(plan.machines) : [];
  if (!only || others.length > 0) return serial();
  return {
    id: 'etcd' as const,
    title: `etcd knows the address of ${only.name}`,
    run: ({ signal }: { signal: AbortSignal }) =>
      retryUntilReady(`tell etcd the address of ${only.name}`, signal, async () => {
        const client = etcdClient([etcdClientUrl(only)], material);
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
