/** What a Service of type LoadBalancer wants, and which nodes have endpoints of it. */

import ipaddr from 'ipaddr.js';

import { keyOf } from '../../clients/kubernetes/objects.ts';
import type { EndpointSliceObject, ServiceObject } from '../../clients/kubernetes/objects.ts';
import { askAnnotation, ownClass } from './names.ts';
import { foreignOwner, foreignSign } from './others.ts';

export type Family = 4 | 6;

export interface Wish {
  /** NAMESPACE/NAME */
  name: string;
  uid: string;
  /** RFC 3339: of two that want the same address the older one gets it. */
  created: string;
  /** Of its addresses; empty: it is none of ours and gives back what it has. */
  families: readonly Family[];
  asked: readonly string[];
  /** Those that its status has. */
  has: readonly string[];
  /** externalTrafficPolicy: Local: only nodes with a ready endpoint may answer. */
  local: boolean;
  /**
   * It is another controller's, for this reason: its status is not touched, and what it has of the pool is given to nobody.
   * While it has nothing, an event says so.
   */
  others?: string;
}

/**
 * What a Service wants; undefined when it neither wants an address nor has one of the pool.
 * @param inPool whether an address is of the pool
 * @param givenUp another controller has taken our address out of its status before
 */
export function wishOf(
  service: ServiceObject,
  inPool: (address: string) => boolean,
  givenUp = false,
): Wish | undefined {
  const { metadata = {}, spec = {}, status } = service;
  const ingress = status?.loadBalancer?.ingress ?? [];
  const has = ingress.flatMap(({ ip }) => ip ?? []);
  const holds = has.some(inPool);
  const asked = metadata.annotations?.[askAnnotation]?.split(',') ?? [spec.loadBalancerIP ?? ''];
  const clusterAddresses = spec.clusterIPs ?? [spec.clusterIP ?? ''];
  const wish = (families: readonly Family[], others?: string): Wish => ({
    name: keyOf({ metadata }),
    uid: metadata.uid ?? '',
    created: metadata.creationTimestamp ?? '',
    families,
    asked: asked.map((address) => address.trim()).filter((address) => address !== ''),
    has,
    local: spec.externalTrafficPolicy === 'Local',
    ...(others === undefined ? {} : { others }),
  });
  const wants = spec.type === 'LoadBalancer';
  const owner = foreignOwner(service, inPool);
  if (owner !== undefined && !(wants && isOurs(service))) return holds ? wish([], owner) : undefined;
  if (!wants || metadata.deletionTimestamp !== undefined) return holds ? wish([]) : undefined;
  const sign = isOurs(service) ? undefined : givenUp ? takenAway : foreignSign(service);
  // what we gave before it became somebody else's is taken back first
  if (sign !== undefined) return holds ? wish([]) : wish([], sign);
  return wish([...new Set(clusterAddresses.flatMap((address) => familyOf(address) ?? []))]);
}

const takenAway = 'another controller has taken the address that it had from knest out of its status';

/** It says itself that it is knest's: then nobody else is a rival. */
export function isOurs({ metadata, spec }: ServiceObject): boolean {
  const { loadBalancerClass } = spec ?? {};
  if (loadBalancerClass !== undefined) return loadBalancerClass === ownClass;
  return metadata?.annotations?.[askAnnotation] !== undefined;
}

/** NAMESPACE/NAME of the Service, and the nodes with endpoints of it that are ready. */
export function readyNodesOf({ metadata, endpoints }: EndpointSliceObject): {
  service: string;
  nodes: string[];
} {
  const name = metadata?.labels?.['kubernetes.io/service-name'] ?? '';
  const nodes = (endpoints ?? [])
    .filter(({ conditions }) => conditions?.ready !== false)
    .flatMap(({ nodeName, topology }) => nodeName ?? topology?.['kubernetes.io/hostname'] ?? []);
  return { service: `${metadata?.namespace ?? ''}/${name}`, nodes };
}

/** undefined: it is none. */
export function familyOf(address: string): Family | undefined {
  if (ipaddr.IPv4.isValidFourPartDecimal(address)) return 4;
  return ipaddr.IPv6.isValid(address) ? 6 : undefined;
}
