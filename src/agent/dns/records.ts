/** Services and endpoints, reduced to what DNS wants to know of them: that is all the agent keeps in memory. */

import type { EndpointSliceObject, ServiceObject } from '../../clients/kubernetes/objects.ts';
import { dashed, familyOf } from './names.ts';

export interface NamedPort {
  name: string;
  /** "tcp", "udp", "sctp" */
  protocol: string;
  port: number;
}

export interface Service {
  namespace: string;
  name: string;
  kind: 'cluster' | 'headless' | 'external';
  addresses: readonly string[];
  ports: readonly NamedPort[];
  externalName: string | undefined;
  publishNotReady: boolean;
}

export interface Endpoint {
  /** The one it has, or one made of its address. */
  hostname: string;
  address: string;
  ready: boolean;
}

/** A part of a Service's endpoints that share their ports. */
export interface Slice {
  endpoints: readonly Endpoint[];
  ports: readonly NamedPort[];
}

/** Undefined: no name of a Service. */
export function serviceRecord(object: ServiceObject): Service | undefined {
  const { metadata, spec } = object;
  if (!metadata?.name || !metadata.namespace || !spec) return undefined;
  const known = { namespace: metadata.namespace, name: metadata.name };
  const external = spec.type === 'ExternalName';
  // clusterIPs since 1.20, where the second may be of the other family
  const given = spec.clusterIPs?.length ? spec.clusterIPs : [spec.clusterIP ?? ''];
  const addresses = given.filter((address) => address !== '' && address !== 'None');
  // neither: its address has not been given yet
  if (!external && addresses.length === 0 && !given.includes('None')) return undefined;
  return {
    ...known,
    kind: external ? 'external' : addresses.length > 0 ? 'cluster' : 'headless',
    addresses: external ? [] : addresses,
    ports: namedPorts(spec.ports),
    externalName: external ? spec.externalName : undefined,
    publishNotReady: spec.publishNotReadyAddresses ?? false,
  };
}

/** Which Service a slice belongs to: "namespace/name". */
export function serviceOfSlice(object: EndpointSliceObject): string | undefined {
  const service = object.metadata?.labels?.['kubernetes.io/service-name'];
  return service === undefined ? undefined : `${object.metadata?.namespace ?? ''}/${service}`;
}

export function sliceRecord(object: EndpointSliceObject): Slice {
  if (object.addressType === 'FQDN') return { endpoints: [], ports: [] };
  return {
    endpoints: (object.endpoints ?? []).flatMap(({ addresses, hostname, conditions }) =>
      (addresses ?? []).map((address) => ({
        hostname: hostname?.toLowerCase() ?? dashed(address),
        address,
        // "in most cases consumers should interpret this unknown state as ready" (EndpointConditions)
        ready: conditions?.ready ?? true,
      })),
    ),
    ports: namedPorts(object.ports ?? []),
  };
}

/** Addresses of a family, each once. */
export function addressesOf(family: 4 | 6, addresses: readonly string[]): string[] {
  return [...new Set(addresses.filter((address) => familyOf(address) === family))];
}

function namedPorts(
  ports: readonly { name?: string; protocol?: string; port?: number }[] | undefined,
): NamedPort[] {
  return (ports ?? []).flatMap(({ name, protocol, port }) =>
    port === undefined
      ? []
      : [{ name: (name ?? '').toLowerCase(), protocol: (protocol ?? 'TCP').toLowerCase(), port }],
  );
}
