import { InputError, type Problem } from '../../errors.ts';
import type { HostFacts } from '../../facts/types.ts';
import { contains, parseCidr } from '../../formats/cidr.ts';
import type { NetworkSpec } from '../../spec/types.ts';

/** The LAN that nodes are hosts of (network mode macvlan). */
export interface Lan {
  /** Link of the host that is on it. */
  parent: string;
  /** Of the LAN itself; the cluster's node subnet is the part of it that the cluster may use. */
  prefixLength: number;
  /** Its router; undefined: nodes reach the LAN only. */
  gateway: string | undefined;
}

/**
 * What the spec and the host say of the LAN; undefined for other network modes.
 * @throws InputError when there is no such link, or the node subnet is no part of its subnet
 */
export function lanOf(
  { mode, nodeSubnets, gateway }: Pick<NetworkSpec, 'mode' | 'nodeSubnets' | 'gateway'>,
  { links, subnetsInUse }: Pick<HostFacts, 'links' | 'subnetsInUse'>,
): Lan | undefined {
  if (mode === 'bridge') return undefined;
  const parent = mode.macvlan;
  const ofLink = subnetsInUse.filter(({ link, cidr }) => link === parent && parseCidr(cidr).family === 4);
  const [range] = nodeSubnets ?? [];
  const lan = range === undefined ? undefined : ofLink.find(({ cidr }) => contains(cidr, range));
  const problems: Problem[] = [];
  if (!links.includes(parent)) {
    problems.push({
      path: 'network.mode',
      message: `this host has no link ${parent}`,
      hint: `it has: ${links.filter((link) => link !== 'lo').join(', ')}`,
    });
  } else if (range === undefined) {
    problems.push({
      path: 'network.nodeSubnet',
      message: 'is needed with macvlan: the part of the LAN that nobody but this cluster uses',
      hint: `of ${ofLink.map(({ cidr }) => cidr).join(' or ')}, outside of what its DHCP server gives`,
    });
  } else if ((nodeSubnets ?? []).length > 1) {
    problems.push({ path: 'network.ipFamily', message: 'must be ipv4 with macvlan: addresses of the LAN' });
  } else if (lan === undefined) {
    problems.push({
      path: 'network.nodeSubnet',
      message: `${range} is no part of the LAN of ${parent}`,
      hint: `that is ${ofLink.map(({ cidr }) => cidr).join(' or ') || 'unknown: the link has no IPv4 address'}`,
    });
  }
  if (problems.length > 0 || lan === undefined)
    throw new InputError('the cluster does not fit this host', problems);
  return { parent, prefixLength: parseCidr(lan.cidr).prefix, gateway };
}
