import type { HostFacts, Lease } from '../../facts/types.ts';
import type { Problem } from '../../errors.ts';
import { InputError } from '../../errors.ts';
import { planClusterNetwork, planClusterPorts } from '../../plan/network/cluster-network.ts';
import { podBridge } from '../../plan/network/host-network.ts';
import type { ClusterPlan, PlanInputs } from '../../plan/types.ts';
import type { ClusterSpec } from '../../spec/types.ts';
import { readClusters } from '../find-machines.ts';
import type { Session } from '../session.ts';

export interface Beside {
  facts: HostFacts;
  /** Nodes' addresses on a LAN with DHCP, by name. */
  leases: Readonly<Record<string, Lease>>;
  /** A half-made cluster of this name may be running: what it has of the host is not in its own way. */
  halfMade: boolean;
}

/** The host as a new plan has to see it: with all that other clusters have planned to use of it. */
export async function inputsBesideOthers(
  session: Session,
  spec: ClusterSpec,
  { facts: seen, leases, halfMade }: Beside,
): Promise<PlanInputs> {
  const facts = halfMade && spec.network.mode === 'host' ? withoutNode(seen) : seen;
  const others = (await readClusters(session)).filter(({ plan }) => plan.cluster !== spec.name);
  return {
    ...facts,
    leases,
    hostNetworkOf: others.find(({ plan }) => plan.network.hostNetwork)?.plan.cluster,
    subnetsInUse: [...facts.subnetsInUse, ...others.flatMap(({ plan }) => subnetsOf(plan))],
    listening: [...facts.listening, ...others.flatMap(({ plan }) => portsOf(plan))],
  };
}

/**
 * What of a new cluster's network cannot be had on this host. Known before anything is installed or fetched; but for
 * subnets of a LAN with DHCP, whose server has not been asked.
 * @throws KnestError (preflight) when the host has no room for it
 */
export async function networkProblems(
  session: Session,
  spec: ClusterSpec,
  { facts, halfMade }: Omit<Beside, 'leases'>,
): Promise<readonly Problem[]> {
  const inputs = await inputsBesideOthers(session, spec, { facts, leases: {}, halfMade });
  try {
    if (spec.network.dhcp) planClusterPorts(spec, inputs);
    else planClusterNetwork(spec, inputs);
    return [];
  } catch (error) {
    if (error instanceof InputError) return error.problems;
    throw error;
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
