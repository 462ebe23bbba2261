/**
 * Addresses for Services of type LoadBalancer, and how many nodes they leave room for:
 *
 *     /24   .2 ... .191 nodes   .192 ... .253 Services   .254 the API
 */

import { InputError, type Problem } from '../../errors.ts';
import {
  formatRange,
  inRange,
  parseRange,
  rangesMeet,
  rangeWithin,
  subnetsOfRange,
  type AddressRange,
} from '../../formats/address-range.ts';
import { asSubnet, contains, nthAddress, parseCidr } from '../../formats/cidr.ts';
import type { NetworkSpec } from '../../spec/types.ts';
import { apiAddressOf, gatewayOf, nodeAddress, nodesInNodeSubnet } from './node-addresses.ts';
import type { Lan } from './lan.ts';

export interface PoolInput {
  network: Pick<NetworkSpec, 'loadBalancer' | 'apiServer'>;
  nodeSubnets: readonly string[];
  lan: Lan | undefined;
  /** Those of the host. */
  hostAddresses: readonly string[];
  nodeCount: number;
}

const path = 'network.loadBalancer.addresses';

/**
 * The ranges that Services get addresses from. On a bridge the upper end of the node subnet, unless the cluster has so
 * many nodes that they need it; on a LAN none: nobody but its owner knows which addresses are free.
 * @throws InputError with a problem per given range that cannot be used
 */
export function choosePool(input: PoolInput): string[] {
  const { network, nodeSubnets, lan, nodeCount } = input;
  const given = network.loadBalancer.addresses?.map((text) => ({ text, range: parseRange(text) }));
  if (!given) {
    const pool = lan ? [] : nodeSubnets.flatMap((subnet) => upperEnd(subnet) ?? []);
    return roomBeside(nodeSubnets, pool, nodeCount) < nodeCount ? [] : pool.map(formatRange);
  }
  const problems = given.flatMap(({ text, range }) => problemsOf(text, range, input));
  const ranges = given.map(({ range }) => range);
  const room = roomBeside(nodeSubnets, ranges, nodeCount);
  if (problems.length === 0 && room < nodeCount) {
    const message = `leaves room for ${room} of ${nodeCount} nodes in ${nodeSubnets.join(' and ')}`;
    problems.push({ path, message, hint: 'give fewer addresses, or a larger network.nodeSubnet' });
  }
  if (problems.length > 0) throw new InputError('the cluster cannot have these addresses', problems);
  return ranges.map(formatRange);
}

/** Places of nodes, in order: those whose addresses no Service can get. */
export function* nodeSlots(
  nodeSubnets: readonly string[],
  pool: readonly AddressRange[],
): Generator<number, undefined, undefined> {
  const room = Math.min(...nodeSubnets.map(nodesInNodeSubnet));
  for (let slot = 0; slot < room;) {
    const after = nodeSubnets.flatMap((subnet) =>
      pool
        .filter((range) => inRange(range, nodeAddress(subnet, slot)))
        .map((range) => Number(range.last - parseCidr(subnet).network) - 1),
    );
    if (after.length === 0) yield slot++;
    else slot = Math.max(...after);
  }
  return undefined;
}

/** What the host needs routes to: what is not in the node subnet, where its link has an address. */
export function subnetsBeside(nodeSubnets: readonly string[], pool: readonly string[]): string[] {
  return pool
    .flatMap((text) => subnetsOfRange(parseRange(text)))
    .filter((subnet) => !nodeSubnets.some((outer) => contains(outer, subnet)));
}

/** As many nodes as fit, counted up to those that there are. */
function roomBeside(
  nodeSubnets: readonly string[],
  pool: readonly AddressRange[],
  nodeCount: number,
): number {
  const slots = nodeSlots(nodeSubnets, pool);
  let count = 0;
  while (count < nodeCount && slots.next().done !== true) count += 1;
  return count;
}

/** A quarter of the subnet, at most 64 addresses; none of a subnet that has hardly enough for nodes. */
function upperEnd(nodeSubnet: string): AddressRange | undefined {
  const { family, prefix } = parseCidr(nodeSubnet);
  const bits = (family === 4 ? 32 : 128) - prefix;
  if (bits < 6) return undefined;
  const first = nthAddress(nodeSubnet, -(2 ** Math.min(6, bits - 2)));
  return parseRange(`${first}-${nthAddress(nodeSubnet, family === 4 ? -3 : -2)}`);
}

/** The whole LAN that a node subnet is a part of; with DHCP it is the LAN. */
function lanAround(nodeSubnet: string, lan: Lan): string {
  return lan.dhcp ? nodeSubnet : parseCidr(`${nthAddress(nodeSubnet, 0)}/${lan.prefixLength}`).text;
}

/** Addresses of the LAN or node subnet that are somebody's already. */
function takenAddresses({ nodeSubnets, lan, network }: PoolInput): [address: string, what: string][] {
  if (lan?.dhcp) {
    return [
      ...Object.entries(lan.leases).flatMap(([node, { address, router }]): [string, string][] => [
        [address, `that of ${node}`],
        ...(router === undefined ? [] : [[router, "the router's"] as [string, string]]),
      ]),
      ...[network.apiServer.address ?? []].flat().map((one): [string, string] => [one, "the API's"]),
    ];
  }
  return [
    ...nodeSubnets.map((subnet): [string, string] => [gatewayOf(subnet), "the host's own in the cluster"]),
    [apiAddressOf(nodeSubnets[0] ?? ''), "the API's"],
    ...(lan?.gateway === undefined ? [] : [[lan.gateway, "the router's"] as [string, string]]),
  ];
}

function problemsOf(text: string, range: AddressRange, input: PoolInput): Problem[] {
  const { nodeSubnets, lan, hostAddresses } = input;
  const reach = lan ? nodeSubnets.map((subnet) => lanAround(subnet, lan)) : nodeSubnets;
  const refuse = (message: string, hint: string): Problem[] => [{ path, message, hint }];
  if (!reach.some((subnet) => rangeWithin(range, parseRange(subnet)))) {
    return refuse(
      `${text} does not lie in ${lan ? `the LAN of ${lan.parent}, ` : 'the node subnet, '}${reach.join(' or ')}`,
      lan ? 'give addresses of the LAN that nobody else has' : 'give a part of network.nodeSubnet',
    );
  }
  const others: [address: string, what: string][] = [
    ...takenAddresses(input),
    ...hostAddresses.map((address): [string, string] => [address, "this host's"]),
    ...reach.flatMap((subnet): [string, string][] => [
      [nthAddress(subnet, 0), "the network's"],
      ...(range.family === 4 ? [[nthAddress(subnet, -1), 'for broadcasts'] as [string, string]] : []),
    ]),
  ];
  return others
    .filter(([address]) => rangesMeet(range, parseRange(asSubnet(address))))
    .slice(0, 1)
    .flatMap(([address, what]) =>
      refuse(`${text} holds ${address}, which is ${what}`, 'give a range without it'),
    );
}
