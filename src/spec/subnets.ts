/** Subnets of a cluster as the user writes them: "10.0.0.0/16", or two for dual stack, "10.0.0.0/16,fd00:10::/56". */

import { contains, overlaps, parseCidr, type Cidr } from '../formats/cidr.ts';
import type { IpFamily } from './types.ts';

/** Prefix lengths that a subnet may have, from the largest subnet to the smallest. */
interface PrefixRange {
  largest: number;
  smallest: number;
  /** Why not smaller, for the message. */
  reason: string;
}

export type PrefixRanges = Readonly<Record<Cidr['family'], PrefixRange>>;

/**
 * The prefix length of what each node gets of a pod subnet: kube-controller-manager's defaults (--node-cidr-mask-size-ipv4,
 * -ipv6). An IPv6 subnet that these cut into too few is cut finer, into 65536, or into parts of 256 addresses, as kubeadm
 * did (calcNodeCidrSize). How many nodes there are must not matter: what a node has stays when others come.
 */
export function podPrefixOfNode({ family, prefix }: Pick<Cidr, 'family' | 'prefix'>): number {
  if (family === 4) return 24;
  return prefix <= 60 ? 64 : Math.min(prefix + 16, 120);
}

const addressForEachNode = 'every node needs an address';
export const nodePrefixes: PrefixRanges = {
  4: { largest: 8, smallest: 28, reason: addressForEachNode },
  6: { largest: 32, smallest: 124, reason: addressForEachNode },
};

/** kube-controller-manager cuts a pod subnet into 65536 at most: 16 bits more than its own prefix. */
export const podPrefixes: PrefixRanges = {
  4: { largest: 8, smallest: 24, reason: 'every node needs a /24 of it' },
  6: { largest: 48, smallest: 112, reason: 'every node needs a /120 of it' },
};

/** kube-apiserver refuses service ranges of more than 20 bits (--service-cluster-ip-range). */
const addressForEachService = 'every service needs an address';
export const servicePrefixes: PrefixRanges = {
  4: { largest: 12, smallest: 24, reason: addressForEachService },
  6: { largest: 108, smallest: 120, reason: addressForEachService },
};

/** The subnets that a text lists, one or two. */
export function subnetList(text: string): string[] {
  return text.split(',').map((part) => part.trim());
}

/** What the subnets of a valid text are. */
export function familyOf(text: string): IpFamily {
  const families = subnetList(text).map((subnet) => parseCidr(subnet).family);
  if (families.length > 1) return 'dual';
  return families[0] === 6 ? 'ipv6' : 'ipv4';
}

/** What is wrong with one subnet, or with two for dual stack; undefined when all is well. */
export function subnetsProblem(text: string, ranges: PrefixRanges): string | undefined {
  const parts = subnetList(text);
  if (parts.length > 2)
    return `"${text}" lists ${parts.length} subnets; there can be two, one IPv4 and one IPv6`;
  const problem = parts.map((part) => subnetProblem(part, ranges)).find((message) => message !== undefined);
  if (problem !== undefined || parts.length === 1) return problem;
  const families = parts.map((part) => parseCidr(part).family);
  if (families[0] === families[1])
    return `"${text}" lists two IPv${families[0] ?? 4} subnets; dual stack has one IPv4 and one IPv6`;
  return families[0] === 6 ? `"${text}" must list the IPv4 subnet first` : undefined;
}

/** Ranges that no cluster can use: their addresses never leave a host or never name one. */
const unusable: readonly (readonly [cidr: string, name: string])[] = [
  ['0.0.0.0/8', '"this network" (0.0.0.0/8)'],
  ['127.0.0.0/8', 'loopback (127.0.0.0/8)'],
  ['169.254.0.0/16', 'link-local (169.254.0.0/16)'],
  ['224.0.0.0/4', 'multicast (224.0.0.0/4)'],
  ['240.0.0.0/4', 'reserved (240.0.0.0/4)'],
  ['::/8', 'loopback and mapped IPv4 addresses (::/8)'],
  ['fe80::/10', 'link-local (fe80::/10)'],
  ['ff00::/8', 'multicast (ff00::/8)'],
];

function subnetProblem(text: string, ranges: PrefixRanges): string | undefined {
  const cidr = tryParseCidr(text);
  if (!cidr) return `"${text}" is not a subnet like 10.0.0.0/16 or fd00:10::/56`;
  if (cidr.hostBits) return `"${text}" is an address within a subnet; the subnet is ${cidr.text}`;
  const range = ranges[cidr.family];
  if (cidr.prefix > range.smallest) {
    return `"${text}" is too small: at most /${range.smallest}, because ${range.reason}`;
  }
  const bad = unusable.find(([block]) => overlaps(block, text));
  if (bad)
    return `"${text}" ${contains(bad[0], text) ? 'lies in' : 'contains'} ${bad[1]}, which no cluster can use`;
  if (cidr.prefix < range.largest) return `"${text}" is too large: at least /${range.largest}`;
  return undefined;
}

function tryParseCidr(text: string): Cidr | undefined {
  try {
    return parseCidr(text);
  } catch {
    return undefined;
  }
}
