import type { HostFacts } from '../../facts/types.ts';
import { planCluster } from '../../plan/cluster.ts';
import { keepOf } from '../../plan/keep.ts';
import type { Keep } from '../../plan/keep.ts';
import { podBridge } from '../../plan/network/host-network.ts';
import type { ClusterPlan, PlanInputs } from '../../plan/types.ts';
import type { ClusterSpec } from '../../spec/types.ts';
import { planningLock } from '../../state/clusters.ts';
import { acquireLock } from '../../state/lock.ts';
import { readClusters } from '../find-machines.ts';
import type { Session } from '../session.ts';
import type { Acquired } from './acquire.ts';

export interface PlanBesideOptions {
  /** The plan of the cluster as it is, when nodes come or go. */
  previous?: ClusterPlan | undefined;
  /** What its machines keep of it; default: everything that can be kept. */
  keep?: Keep | undefined;
  /** A half-made one may be running: what it has of the host is not in its own way. */
  halfMade?: boolean;
}

/**
 * The fourth phase: the plan of a cluster beside the clusters that are planned already on this host. Takes milliseconds
 * and touches nothing.
 * @throws InputError when the spec does not fit the host, KnestError when the host has no room for it
 */
export async function planBesideOthers(
  session: Session,
  spec: ClusterSpec,
  { facts: seen, kubernetes, leases }: Acquired,
  { previous, keep = previous && keepOf(previous), halfMade = false }: PlanBesideOptions = {},
): Promise<ClusterPlan> {
  const facts = halfMade && spec.network.mode === 'host' ? withoutNode(seen) : seen;
  const others = (await readClusters(session)).filter(({ plan }) => plan.cluster !== spec.name);
  const inputs: PlanInputs = {
    ...facts,
    leases,
    hostNetworkOf: others.find(({ plan }) => plan.network.hostNetwork)?.plan.cluster,
    subnetsInUse: [...facts.subnetsInUse, ...others.flatMap(({ plan }) => subnetsOf(plan))],
    listening: [...facts.listening, ...others.flatMap(({ plan }) => portsOf(plan))],
  };
  return planCluster(spec, inputs, kubernetes, session.paths, previous, keep);
}

/**
 * Holds the lock under which new clusters are planned and their plans written: two that are created at the same time
 * must not choose the same subnets.
 */
export async function withPlanningLock<T>({ host, paths }: Session, work: () => Promise<T>): Promise<T> {
  const lock = await acquireLock(host, planningLock(paths), { wait: true });
  try {
    return await work();
  } finally {
    await lock.release();
  }
}

/** A host as it was before a node shared its network. */
function withoutNode(facts: HostFacts): HostFacts {
  const links = facts.links.filter((link) => link !== podBridge);
  return { ...facts, links, listening: [], firewall: { ...facts.firewall, kubernetes: [] } };
}

/** Clusters that are planned but not running have no routes that would show their subnets. */
function subnetsOf({ cluster, network }: ClusterPlan): HostFacts['subnetsInUse'] {
  const { bridge, lan, nodeSubnets, podSubnets, serviceSubnets } = network;
  // a LAN with DHCP is everybody's
  return [...(lan?.dhcp ? [] : nodeSubnets), ...podSubnets, ...serviceSubnets].map((cidr) => ({
    cidr,
    usedBy: `knest cluster ${cluster}`,
    link: bridge,
  }));
}

/** No socket listens where packets are led into a cluster. */
function portsOf({ cluster, network, machines }: ClusterPlan): HostFacts['listening'] {
  const ports = [
    ...machines.flatMap((machine) => machine.ports),
    ...(network.apiPort ? [network.apiPort] : []),
    ...(network.registryPort ? [network.registryPort] : []),
  ];
  return ports.map(({ protocol, listenAddress, hostPort }) => ({
    protocol,
    address: listenAddress ?? '::',
    port: hostPort,
    usedBy: `knest cluster ${cluster}`,
  }));
}
