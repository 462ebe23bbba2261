import { KnestError } from '../errors.ts';
import type { HostFacts } from '../facts/types.ts';
import { parseRange } from '../formats/address-range.ts';
import { parseCidr } from '../formats/cidr.ts';
import type { ClusterSpec, NodeSpec } from '../spec/types.ts';
import type { MachineContext } from './components/component.ts';
import type { Keep } from './keep.ts';
import type { ClusterNetwork } from './network/cluster-network.ts';
import { lanMac, leasedAddresses } from './network/lan.ts';
import { nodeSlots } from './network/load-balancer.ts';
import { gatewayOf, nodeAddress, podSubnetOfNode } from './network/node-addresses.ts';
import { componentsOfNode } from './node-components.ts';
import type { ClusterPlan, KubernetesChoice, ResolvedKubernetes } from './types.ts';
import { versionTraits } from './versions/traits.ts';

export interface PlacedNode {
  machine: MachineContext;
  slot: number;
  kubernetes: ResolvedKubernetes;
}

export interface PlaceInput {
  spec: ClusterSpec;
  facts: HostFacts;
  network: ClusterNetwork;
  kubernetes: KubernetesChoice;
  /** The plan of the cluster as it is, when nodes come or go. */
  previous: ClusterPlan | undefined;
  /** What nodes that are there keep. */
  keep: Pick<Keep, 'components'>;
}

/** Nodes with their addresses. Those that are there already keep their places, new ones take the first free ones. */
export function placeNodes({
  spec,
  network: { nodeSubnets, podSubnets, loadBalancer, lan, hostNetwork },
  kubernetes,
  previous,
  keep,
  facts,
}: PlaceInput): PlacedNode[] {
  const kept = new Map(previous?.machines.map(({ name, slot }) => [name, slot]));
  const taken = new Set(spec.nodes.map(({ name }) => kept.get(name)));
  // with addresses that are not ours to give, places are those of the pod subnet
  const free = freeSlots(lan?.dhcp === true || hostNetwork ? [] : nodeSubnets, loadBalancer, taken);
  return spec.nodes.map((node: NodeSpec) => {
    const slot = kept.get(node.name) ?? free.next().value;
    const chosen = kubernetes.nodes[node.name] ?? kubernetes.cluster;
    const addresses = lan?.dhcp
      ? leasedAddresses(lan, node.name)
      : nodeSubnets.map((subnet) => ({
          address: hostNetwork?.address ?? nodeAddress(subnet, slot),
          prefixLength: lan?.prefixLength ?? parseCidr(subnet).prefix,
          gateway: hostNetwork ? '' : lan ? (lan.gateway ?? '') : gatewayOf(subnet),
        }));
    const lease = lan?.dhcp ? lan.leases[node.name] : undefined;
    const machine = {
      name: node.name,
      role: node.role,
      address: addresses[0]?.address ?? '',
      addresses,
      podSubnets: podSubnets.map((subnet) => podSubnetOfNode(subnet, slot)),
      ...(lan ? { lan: { mac: lanMac(facts, node.name), ...(lease ? { lease } : {}) } } : {}),
      spec: node,
      kubernetesVersion: chosen.version,
      traits: versionTraits(chosen.version),
      components: componentsOfNode(node, {
        kept: keep.components,
        chosen: kubernetes.components,
        image: spec.image,
      }),
    };
    return { machine, slot, kubernetes: chosen };
  });
}

/** @throws KnestError when the node subnet has no place left */
function* freeSlots(
  nodeSubnets: readonly string[],
  pool: readonly string[],
  taken: ReadonlySet<number | undefined>,
): Generator<number, never> {
  for (const slot of nodeSlots(nodeSubnets, pool.map(parseRange))) if (!taken.has(slot)) yield slot;
  throw new KnestError(`the node subnet ${nodeSubnets.join(', ')} has no address left for another node`, {
    code: 'SUBNET_FULL',
    hint: 'subnets stay as they are while a cluster lives: make one with a larger network.nodeSubnet',
    details: pool.map((range) => `${range}: for Services of type LoadBalancer`),
  });
}
