/**
 * Who has which address of a node subnet:
 *
 *     IPv4 /24   .0 network   .1 bridge   .2 ... .253 nodes    .254 the API   .255 broadcast
 *     IPv6 /64   :: anycast  ::1 bridge  ::2 ...      nodes   the last one: the API
 *
 * The API's address is at the end so that nodes can be added without ever meeting it.
 */

import { familyOf, nthAddress, nthSubnet, parseCidr } from '../../formats/cidr.ts';
import { podPrefixOfNode } from '../../spec/subnets.ts';
import type { IpFamily } from '../../spec/types.ts';

export type Family = 4 | 6;

/** In the order in which everything of the cluster has them; the first is the primary one. */
export function familiesOf(ipFamily: IpFamily): readonly Family[] {
  return { ipv4: [4], ipv6: [6], dual: [4, 6] }[ipFamily] as readonly Family[];
}

/** The name servers that a cluster's machines can reach; a resolver asks three at most (resolv.conf(5)). */
export function nameserversFor(ipFamily: IpFamily, nameservers: readonly string[]): string[] {
  const families: readonly (number | undefined)[] = familiesOf(ipFamily);
  return nameservers.filter((address) => families.includes(familyOf(address))).slice(0, 3);
}

/** The bridge: the way out of the machines. */
export function gatewayOf(nodeSubnet: string): string {
  return nthAddress(nodeSubnet, 1);
}

/** The API's own address, which control planes hold in turn: the last one that a machine may have. */
export function apiAddressOf(nodeSubnet: string): string {
  return nthAddress(nodeSubnet, familyOf(nodeSubnet) === 4 ? -2 : -1);
}

/** @param slot of the node, from 0 @throws KnestError when the subnet has no address for it */
export function nodeAddress(nodeSubnet: string, slot: number): string {
  return nthAddress(nodeSubnet, slot + 2);
}

/** @param slot of the node, from 0 @throws KnestError when the subnet has no part for it */
export function podSubnetOfNode(podSubnet: string, slot: number): string {
  return nthSubnet(podSubnet, podPrefixOfNode(parseCidr(podSubnet)), slot);
}

/** How many nodes a node subnet has addresses for. */
export function nodesInNodeSubnet(nodeSubnet: string): number {
  const { family, prefix } = parseCidr(nodeSubnet);
  // without network (or anycast) address, bridge and API, and without broadcast
  return Math.max(0, 2 ** ((family === 4 ? 32 : 128) - prefix) - (family === 4 ? 4 : 3));
}

/** How many nodes a pod subnet has parts for. */
export function nodesInPodSubnet(podSubnet: string): number {
  const subnet = parseCidr(podSubnet);
  const perNode = podPrefixOfNode(subnet);
  return subnet.prefix > perNode ? 0 : 2 ** (perNode - subnet.prefix);
}
