/** Objects reduced to what decides who may talk to whom: every node's agent holds all of them. */

import { log, reasonOf } from '../log.ts';
import type { EndpointsObject, PodObject } from '../../clients/kubernetes/objects.ts';
import { parseCidr } from '../../formats/cidr.ts';
import type { LabelSelector, NetworkPolicyObject, PeerObject, PortObject } from './objects.ts';

export const protocols = ['TCP', 'UDP', 'SCTP'] as const;
export type Protocol = (typeof protocols)[number];

export interface ContainerPort {
  name: string;
  protocol: Protocol;
  port: number;
}

export interface PodRecord {
  namespace: string;
  name: string;
  uid: string;
  labels: Readonly<Record<string, string>>;
  node: string;
  /** None before it is started. */
  addresses: readonly string[];
  /** It has no addresses of its own: it has ended, or has those of the node (hostNetwork). */
  networkless: boolean;
  /** Only those with names. */
  ports: readonly ContainerPort[];
  /** It is to end, but still runs. */
  ending: boolean;
  created: string;
}

export interface PolicyRecord {
  namespace: string;
  name: string;
  pods: LabelSelector;
  /** undefined: the policy says nothing of this direction. Empty: nothing is allowed. */
  ingress: readonly PolicyRule[] | undefined;
  egress: readonly PolicyRule[] | undefined;
}

export interface PolicyRule {
  /** undefined: everybody. */
  peers: readonly Peer[] | undefined;
  /** undefined: everything. */
  ports: readonly PolicyPort[] | undefined;
}

export type Peer =
  | {
      /** undefined: the policy's own namespace. */
      namespaces: LabelSelector | undefined;
      /** An empty one selects all. */
      pods: LabelSelector;
    }
  | { cidr: string; except: readonly string[] };

export interface PolicyPort {
  protocol: Protocol;
  /** undefined: all of the protocol. A name is looked up in the pod that is called. */
  port: string | { first: number; last: number } | undefined;
}

/** The cluster's DNS where it runs in no pod: an address of a node, with the ports that belong to it. */
export interface DnsEndpoint {
  address: string;
  ports: readonly ContainerPort[];
}

export function podRecord({ metadata, spec, status }: PodObject): PodRecord {
  const ended = status?.phase === 'Succeeded' || status?.phase === 'Failed';
  const networkless = ended || spec?.hostNetwork === true;
  const addresses =
    status?.podIPs?.flatMap(({ ip }) => ip ?? []) ?? (status?.podIP === undefined ? [] : [status.podIP]);
  // sidecars (Kubernetes 1.28) are listed as init containers and keep running
  const containers = [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])];
  return {
    namespace: metadata?.namespace ?? '',
    name: metadata?.name ?? '',
    uid: metadata?.uid ?? '',
    labels: metadata?.labels ?? {},
    node: spec?.nodeName ?? '',
    addresses: networkless ? [] : addresses,
    networkless,
    ports: containers.flatMap(({ ports = [] }) => ports.flatMap(namedPort)),
    ending: metadata?.deletionTimestamp !== undefined,
    created: metadata?.creationTimestamp ?? '',
  };
}

/** Kubernetes: "NetworkPolicySpec", with the defaults of its API server for fields that are missing. */
export function policyRecord({ metadata, spec = {} }: NetworkPolicyObject): PolicyRecord {
  const types = spec.policyTypes ?? ['Ingress', ...(spec.egress?.length ? ['Egress'] : [])];
  const name = `${metadata?.namespace ?? ''}/${metadata?.name ?? ''}`;
  const rule = (peers: readonly PeerObject[] | undefined, ports: readonly PortObject[] | undefined) => ({
    peers: peers?.length ? peers.flatMap((peer) => peerRecord(peer, name)) : undefined,
    ports: ports?.length ? ports.flatMap((port) => portRecord(port, name)) : undefined,
  });
  return {
    namespace: metadata?.namespace ?? '',
    name: metadata?.name ?? '',
    pods: spec.podSelector ?? {},
    ingress: types.includes('Ingress')
      ? (spec.ingress ?? []).map(({ from, ports }) => rule(from, ports))
      : undefined,
    egress: types.includes('Egress')
      ? (spec.egress ?? []).map(({ to, ports }) => rule(to, ports))
      : undefined,
  };
}

/** Addresses and ports of the Service kube-dns. */
export function dnsEndpoints({ subsets = [] }: EndpointsObject): DnsEndpoint[] {
  return subsets.flatMap(({ addresses = [], ports = [] }) =>
    addresses.map(({ ip }) => ({
      address: ip,
      ports: ports.flatMap(({ name = '', port, protocol = 'TCP' }) =>
        isProtocol(protocol) ? [{ name, port, protocol }] : [],
      ),
    })),
  );
}

function namedPort(port: { name?: string; containerPort: number; protocol?: string }): ContainerPort[] {
  const { name = '', containerPort, protocol = 'TCP' } = port;
  return name !== '' && isProtocol(protocol) ? [{ name, protocol, port: containerPort }] : [];
}

/** What cannot be understood allows nothing, and is said. */
function peerRecord({ podSelector, namespaceSelector, ipBlock }: PeerObject, policy: string): Peer[] {
  if (podSelector || namespaceSelector) {
    return [{ namespaces: namespaceSelector, pods: podSelector ?? {} }];
  }
  if (!ipBlock) return [];
  try {
    const { cidr, except = [] } = ipBlock;
    return [{ cidr: parseCidr(cidr).text, except: except.map((one) => parseCidr(one).text) }];
  } catch (error) {
    log.warning(`network policy ${policy}: ${reasonOf(error)}; nothing is allowed by this ipBlock`);
    return [];
  }
}

function portRecord({ protocol = 'TCP', port, endPort }: PortObject, policy: string): PolicyPort[] {
  if (!isProtocol(protocol)) {
    log.warning(
      `network policy ${policy}: protocol ${protocol} is not known; nothing is allowed by this port`,
    );
    return [];
  }
  if (typeof port !== 'number') return [{ protocol, port }];
  return [{ protocol, port: { first: port, last: endPort ?? port } }];
}

function isProtocol(text: string): text is Protocol {
  return (protocols as readonly string[]).includes(text);
}
