import type { ClusterSpec } from '../../spec/types.ts';
import type { Keep } from '../keep.ts';
import type { ClusterPlan, PlanInputs } from '../types.ts';
import { collectRefusals } from '../refusals.ts';
import { bridgeName } from './bridge.ts';
import { lanOf, leasedSubnet, type Lan } from './lan.ts';
import { choosePool } from './load-balancer.ts';
import { planPorts, type ClusterPorts } from './ports.ts';
import { podBridge, findHostNetwork, hostNetworkSubnet, type HostNetwork } from './host-network.ts';
import { chooseSubnets, type ClusterSubnets } from './subnets.ts';

/** All that a cluster has of networks, before its nodes have places there. */
export interface ClusterNetwork extends ClusterSubnets {
  /** The cluster's link on the host; where its only node shares the host's network, the bridge of its pods. */
  bridge: string;
  /** undefined: machines are plugged into a bridge, or there is nothing to plug. */
  lan: Lan | undefined;
  /** undefined: machines have networks of their own. */
  hostNetwork: HostNetwork | undefined;
  /** Ranges that Services of type LoadBalancer get addresses from. */
  loadBalancer: readonly string[];
  ports: ClusterPorts;
}

/**
 * Decides on subnets, ports and addresses. A cluster that is there keeps its own, but for subnets that a LAN's DHCP
 * server has changed.
 * @throws InputError when what the spec asks for is not to be had on this host
 * @throws KnestError (preflight) when all default subnets are taken
 */
export function planClusterNetwork(
  spec: ClusterSpec,
  facts: PlanInputs,
  previous?: ClusterPlan,
  keep: Pick<Keep, 'loadBalancer'> = {},
): ClusterNetwork {
  const refusals = collectRefusals();
  const ports = refusals.attempt(() => planClusterPorts(spec, facts, previous));
  const rest = refusals.attempt(() => planAddresses(spec, facts, previous, keep));
  refusals.check();
  if (!ports || !rest) throw new Error('what could not be planned was not told');
  return { ...rest.value, ports: ports.value };
}

/** @throws InputError with a problem per address or port that can not be had */
export function planClusterPorts(
  spec: ClusterSpec,
  facts: Pick<PlanInputs, 'listening' | 'addresses'>,
  previous?: ClusterPlan,
): ClusterPorts {
  return planPorts(
    spec,
    facts,
    previous && {
      machines: previous.machines,
      api: previous.network.apiPort,
      registry: previous.network.registryPort,
    },
  );
}

function planAddresses(
  spec: ClusterSpec,
  facts: PlanInputs,
  previous: ClusterPlan | undefined,
  keep: Pick<Keep, 'loadBalancer'>,
): Omit<ClusterNetwork, 'ports'> {
  const hostNetwork = findHostNetwork(spec, facts, previous);
  const bridge = hostNetwork ? podBridge : bridgeName(spec.name);
  const lan = lanOf(spec, facts, previous);
  const leased = hostNetwork ? hostNetworkSubnet(hostNetwork) : lan?.dhcp ? leasedSubnet(lan) : undefined;
  const { nodeSubnets, podSubnets, serviceSubnets } = previous
    ? { ...previous.network, ...(leased === undefined ? {} : { nodeSubnets: [leased] }) }
    : chooseSubnets(spec.network, facts, spec.nodes.length, {
        ownBridge: bridge,
        ...(lan ? { lan: lan.parent } : {}),
        ...(leased === undefined ? {} : { leased }),
      });
  const loadBalancer =
    previous && keep.loadBalancer !== 'anew'
      ? (previous.network.loadBalancer ?? [])
      : choosePool({
          network: spec.network,
          nodeSubnets,
          lan,
          hostAddresses: facts.addresses,
          nodeCount: spec.nodes.length,
        });
  return { bridge, lan, hostNetwork, nodeSubnets, podSubnets, serviceSubnets, loadBalancer };
}
