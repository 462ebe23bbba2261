/** What a Service of type LoadBalancer wants, and which nodes have endpoints of it. */

import ipaddr from 'ipaddr.js';

import { keyOf } from '../../clients/kubernetes/objects.ts';
import type { EndpointSliceObject, ServiceObject } from '../../clients/kubernetes/objects.ts';
import { askAnnotation, ownClass } from './names.ts';

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
}

/**
 * What a Service wants; undefined when it neither wants an address nor has one of the pool.
 * @param inPool whether an address is of the pool
 */
export function wishOf(
  { metadata = {}, spec = {}, status }: ServiceObject,
  inPool: (address: string) => boolean,
): Wish | undefined {
  const { type, loadBalancerClass = ownClass } = spec;
  // another controller serves other classes, whatever addresses their status has
  if (type === 'LoadBalancer' && loadBalancerClass !== ownClass) return undefined;
  const ours = type === 'LoadBalancer' && metadata.deletionTimestamp === undefined;
  const has = (status?.loadBalancer?.ingress ?? []).flatMap(({ ip }) => ip ?? []);
  if (!ours && !has.some(inPool)) return undefined;
  const asked = metadata.annotations?.[askAnnotation]?.split(',') ?? [spec.loadBalancerIP ?? ''];
  const clusterAddresses = spec.clusterIPs ?? [spec.clusterIP ?? ''];
  return {
    name: keyOf({ metadata }),
    uid: metadata.uid ?? '',
    created: metadata.creationTimestamp ?? '',
    families: ours ? [...new Set(clusterAddresses.flatMap((address) => familyOf(address) ?? []))] : [],
    asked: asked.map((address) => address.trim()).filter((address) => address !== ''),
    has,
    local: spec.externalTrafficPolicy === 'Local',
  };
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
