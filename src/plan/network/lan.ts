import { createHash } from 'node:crypto';

import { InputError, type Problem } from '../../errors.ts';
import type { HostFacts, Lease } from '../../facts/types.ts';
import { asSubnet, contains, nthAddress, parseCidr } from '../../formats/cidr.ts';
import { apiWithoutAddress } from '../../spec/validate/lans.ts';
import type { ClusterSpec, NetworkSpec } from '../../spec/types.ts';
import type { ClusterPlan, PlanInputs, PlannedAddress } from '../types.ts';

/** The LAN that nodes are hosts of (network mode macvlan). */
export type Lan = { parent: string } & (StaticLan | LeasedLan);

/** Addresses are a part of the LAN that belongs to the cluster. */
interface StaticLan {
  dhcp: false;
  /** Of the LAN itself; the cluster's node subnet is the part of it that the cluster may use. */
  prefixLength: number;
  /** Its router; undefined: nodes reach the LAN only. */
  gateway: string | undefined;
}

/** Addresses are what the LAN's DHCP server gives. */
interface LeasedLan {
  dhcp: true;
  /** By node. */
  leases: Readonly<Record<string, Lease>>;
}

/**
 * What the spec and the host say of the LAN; undefined for other network modes.
 * @param previous the cluster as it is: nodes keep the leases that it knows, unless the facts have others
 * @throws InputError when there is no such link, or the node subnet is no part of its subnet
 */
export function lanOf(
  { network, nodes }: Pick<ClusterSpec, 'network' | 'nodes'>,
  facts: Pick<PlanInputs, 'links' | 'linkStates' | 'subnetsInUse' | 'leases'>,
  previous?: ClusterPlan,
): Lan | undefined {
  const { mode } = network;
  if (typeof mode === 'string') return undefined;
  const parent = mode.macvlan;
  const problem = linkProblem(parent, facts);
  if (problem) throw refused([problem]);
  if (!network.dhcp) return { parent, ...staticLan(parent, network, facts) };
  refuseUnleased({ network, nodes });
  const known = previous?.machines.flatMap(({ name, lan }) =>
    lan?.lease ? [[name, lan.lease] as const] : [],
  );
  return { parent, dhcp: true, leases: { ...Object.fromEntries(known ?? []), ...facts.leases } };
}

/** What DHCP cannot give; known before anybody is asked for an address. @throws InputError */
export function refuseUnleased({ network, nodes }: Pick<ClusterSpec, 'network' | 'nodes'>): void {
  const controlPlanes = nodes.filter(({ role }) => role === 'control-plane').length;
  if (network.dhcp && controlPlanes > 1 && network.apiServer.address === undefined)
    throw refused([apiWithoutAddress(controlPlanes)]);
}

/** Why machines cannot be put on a link of the host; undefined: they can. */
export function linkProblem(
  link: string,
  { links, linkStates = {} }: Pick<HostFacts, 'links' | 'linkStates'>,
): Problem | undefined {
  const path = 'network.mode';
  const others = links.filter((one) => one !== 'lo').join(', ');
  if (!links.includes(link))
    return { path, message: `this host has no link ${link}`, hint: `it has: ${others}` };
  const state = linkStates[link];
  if (state?.wireless) {
    return {
      path,
      message: `${link} is wireless: an access point takes no frames of MAC addresses that have not logged in to it`,
      hint: 'use a link with a cable, or the network "bridge"',
    };
  }
  if (state?.partOf !== undefined) {
    return {
      path,
      message: `${link} is a part of ${state.partOf}: the kernel puts no macvlan on it`,
      hint: `use macvlan:${state.partOf}`,
    };
  }
  if (state?.up === false)
    return { path, message: `${link} is down`, hint: `plug its cable in; ip link set dev ${link} up` };
  return undefined;
}

function staticLan(
  parent: string,
  { nodeSubnets = [], gateway }: NetworkSpec,
  { subnetsInUse }: Pick<HostFacts, 'subnetsInUse'>,
): StaticLan {
  const ofLink = subnetsInUse.filter(({ link, cidr }) => link === parent && parseCidr(cidr).family === 4);
  const [range, ...more] = nodeSubnets;
  const all = ofLink.map(({ cidr }) => cidr).join(' or ');
  if (range === undefined) {
    throw refused([
      {
        path: 'network.nodeSubnet',
        message:
          'or network.dhcp is needed with macvlan: the part of the LAN that nobody but this cluster uses',
        hint: `of ${all}, outside of what its DHCP server gives; or let that one give nodes their addresses: --dhcp`,
      },
    ]);
  }
  if (more.length > 0)
    throw refused([{ path: 'network.ipFamily', message: 'must be ipv4 with macvlan: addresses of the LAN' }]);
  const lan = ofLink.find(({ cidr }) => contains(cidr, range));
  if (lan) return { dhcp: false, prefixLength: parseCidr(lan.cidr).prefix, gateway };
  throw refused([
    {
      path: 'network.nodeSubnet',
      message: `${range} is no part of the LAN of ${parent}`,
      hint: `that is ${all || 'unknown: the link has no IPv4 address'}`,
    },
  ]);
}

function refused(problems: readonly Problem[]): InputError {
  return new InputError('the cluster does not fit this host', problems);
}

/** The LAN itself, as the DHCP server describes it. @throws Error for a plan without the leases of its nodes */
export function leasedSubnet({ leases }: LeasedLan): string {
  const [first] = Object.values(leases);
  if (!first) throw new Error('planned without leases');
  return parseCidr(`${first.address}/${first.prefixLength}`).text;
}

/** A node's addresses as its lease has them. @throws Error for a plan without the leases of its nodes */
export function leasedAddresses({ leases }: LeasedLan, name: string): PlannedAddress[] {
  const lease = leases[name];
  if (!lease) throw new Error(`planned without a lease of ${name}`);
  return [{ address: lease.address, prefixLength: lease.prefixLength, gateway: lease.router ?? '' }];
}

/**
 * The API's address where nodes have theirs by DHCP: the reserved one, or that of the only control plane.
 * @throws InputError for one that is not on the LAN, or is a node's
 */
export function leasedApiAddress(
  lan: LeasedLan,
  { address }: NetworkSpec['apiServer'],
  onlyControlPlane: string,
): string {
  if (address === undefined) return onlyControlPlane;
  const path = 'network.apiServer.address';
  const subnet = leasedSubnet(lan);
  if (!contains(subnet, address))
    throw refused([{ path, message: `${address} is not on the LAN, ${subnet}` }]);
  const [owner] = Object.entries(lan.leases).find(([, lease]) => lease.address === address) ?? [];
  if (owner === undefined) return address;
  const hint = 'choose one that the DHCP server does not give away';
  throw refused([{ path, message: `the DHCP server has given ${address} to ${owner}`, hint }]);
}

/**
 * A machine's MAC address on the LAN. Always the same for the same machine of the same host, so that a DHCP server gives
 * it the same address again and an administrator can reserve one; others on the LAN have another.
 */
export function lanMac(host: HostIdentity, name: string): string {
  const hash = ownHash(host, name).toString('hex', 0, 5);
  // 02: locally administered, unicast
  return ['02', ...(hash.match(/../g) ?? [])].join(':');
}

/**
 * Address of the host's own link to nodes whose addresses it cannot know before: link-local (RFC 3927), and nobody's but
 * this host's and this cluster's. 169.254.169.254, by which clouds are known, is never among them.
 */
export function linkLocalAddress(host: HostIdentity, cluster: string): string {
  const hash = ownHash(host, cluster);
  return nthAddress('169.254.0.0/16', 256 * (1 + ((hash[0] ?? 0) % 160)) + 1 + ((hash[1] ?? 0) % 254));
}

type HostIdentity = Pick<HostFacts, 'machineId' | 'hostname'>;

/** The same for one name on one host, and another one everywhere else. */
function ownHash({ machineId, hostname }: HostIdentity, name: string): Buffer {
  return createHash('sha256')
    .update(['knest', machineId ?? hostname, name].join('/'))
    .digest();
}

/**
 * Leases for a plan that is only looked at: nobody is asked, and these addresses are nobody's (RFC 5737; RFC 2544 where
 * there are more nodes than the first has).
 */
export function exampleLeases(names: readonly string[]): Record<string, Lease> {
  const subnet = names.length <= 240 ? '192.0.2.0/24' : '198.18.0.0/15';
  const lease = (index: number): Lease => ({
    address: nthAddress(subnet, 10 + index),
    prefixLength: parseCidr(subnet).prefix,
    router: nthAddress(subnet, 1),
    nameservers: [],
    searchDomains: [],
    seconds: 3600,
    server: nthAddress(subnet, 1),
  });
  return Object.fromEntries(names.map((name, index) => [name, lease(index)]));
}

/** A lone address as a subnet that nothing else is in. */
export function ownSubnets(addresses: readonly PlannedAddress[]): string[] {
  return addresses.map(({ address }) => asSubnet(address));
}
