/**
 * The cluster's own names, after "Kubernetes DNS-Based Service Discovery", version 1.1.0
 * (github.com/kubernetes/dns, docs/specification.md). Where that leaves a choice, as CoreDNS does it.
 */

import type { Answer } from 'dns-packet';

import { addressOfReverse, below, familyOf, undashed } from './names.ts';
import type { Service } from './records.ts';
import { addressesOf } from './records.ts';
import type { ClusterView, ReadyEndpoint } from './store.ts';

export interface ZoneSettings {
  /** "cluster.local" */
  domain: string;
  /** Seconds that answers may be kept by those who asked, "no such name" as well. */
  ttl: number;
  /** Addresses of the Service kube-dns. */
  serverAddresses: readonly string[];
  /** Whether an address is a pod's or a Service's: nobody else knows names of these. */
  ownsAddress: (address: string) => boolean;
}

export interface ZoneAnswer {
  rcode: 'NOERROR' | 'NXDOMAIN' | 'SERVFAIL';
  answers: readonly Answer[];
  additionals: readonly Answer[];
  authorities: readonly Answer[];
  /** The answer is an alias, and whoever asked wants what that name has. */
  follow?: string;
}

/**
 * @param name lower case, without a dot at the end
 * @param type "A", "SRV", ...
 * @returns undefined for a name that is none of the cluster's
 */
export function answerFromZone(
  name: string,
  type: string,
  view: ClusterView,
  settings: ZoneSettings,
): ZoneAnswer | undefined {
  const inside = below(name, settings.domain);
  const found = inside === undefined ? reverse(name, view, settings) : forward(inside, view, settings);
  if (found === 'not ours') return undefined;
  if (found === 'no such name') {
    // not everything has been listed yet: the name may exist
    return view.complete ? negative('NXDOMAIN', name, settings) : failure;
  }
  if (found.alias !== undefined) {
    const answers: Answer[] = [{ type: 'CNAME', name, ttl: settings.ttl, data: found.alias }];
    const alone = { rcode: 'NOERROR', answers, additionals: [], authorities: [] } as const;
    return type === 'CNAME' ? alone : { ...alone, follow: found.alias };
  }
  const records = (found.records ?? []).filter((record) => record.type === type);
  if (records.length === 0) return view.complete ? negative('NOERROR', name, settings) : failure;
  return {
    rcode: 'NOERROR',
    answers: records.map((record) => ({ ...record, name, ttl: settings.ttl }) as Answer),
    additionals: type === 'SRV' ? (found.additionals ?? []) : [],
    authorities: [],
  };
}

const failure: ZoneAnswer = { rcode: 'SERVFAIL', answers: [], additionals: [], authorities: [] };

/** RFC 2308: the zone's SOA says how long "there is none" holds. */
function negative(rcode: ZoneAnswer['rcode'], name: string, settings: ZoneSettings): ZoneAnswer {
  const zone = below(name, settings.domain) === undefined ? name : settings.domain;
  const soa = { ...startOfAuthority(settings), name: zone, ttl: settings.ttl } as Answer;
  return { rcode, answers: [], additionals: [], authorities: [soa] };
}

/** Data of a record; its name and TTL are those of the question and of the zone. */
type RecordData = { type: string; data: unknown };

/** What stands at a name; nothing in it: the name exists, without records of any type. */
interface Node {
  records?: readonly RecordData[];
  additionals?: readonly Answer[];
  alias?: string;
}

type Found = Node | 'no such name' | 'not ours';

function forward(inside: string, view: ClusterView, settings: ZoneSettings): Found {
  const labels = inside === '' ? [] : inside.split('.');
  switch (labels.at(-1)) {
    case undefined:
      return { records: [startOfAuthority(settings), { type: 'NS', data: nameServer(settings) }] };
    case 'dns-version':
      return labels.length === 1 ? { records: [{ type: 'TXT', data: '1.1.0' }] } : 'no such name';
    case 'dns':
      if (labels.length === 1) return {};
      return inside === 'ns.dns' ? { records: hostRecords(settings.serverAddresses) } : 'no such name';
    case 'svc':
      return inNamespace(labels, view, (namespace, front) => ofService(namespace, front, view, settings));
    case 'pod':
      return inNamespace(labels, view, (_, front) => ofPod(front));
    default:
      return 'no such name';
  }
}

function inNamespace(
  labels: readonly string[],
  view: ClusterView,
  look: (namespace: string, front: readonly string[]) => Found,
): Found {
  const namespace = labels.at(-2);
  if (namespace === undefined) return {};
  if (!view.hasNamespace(namespace)) return 'no such name';
  const front = labels.slice(0, -2);
  return front.length === 0 ? {} : look(namespace, front);
}

/** 10-244-0-7.NAMESPACE.pod: whatever address the name says, as CoreDNS' "pods insecure" (specification, 2.6). */
function ofPod(front: readonly string[]): Found {
  const address = front.length === 1 ? undashed(front[0] ?? '') : undefined;
  return address === undefined ? 'no such name' : { records: hostRecords([address]) };
}

function ofService(
  namespace: string,
  front: readonly string[],
  view: ClusterView,
  settings: ZoneSettings,
): Found {
  const service = view.service(namespace, front.at(-1) ?? '');
  if (!service) return 'no such name';
  if (service.kind === 'external') {
    // an ExternalName that is an address cannot be a CNAME (the API server takes either)
    const target = service.externalName?.replace(/\.$/, '');
    if (front.length > 1 || !target || undashed(target.replaceAll('.', '-')) !== undefined)
      return 'no such name';
    return { alias: target };
  }
  const [first = '', second] = front;
  switch (front.length) {
    case 1:
      return atService(service, view, settings);
    case 2:
      return belowService(service, first, view);
    case 3:
      return atPort(service, first, second ?? '', view, settings);
    default:
      return 'no such name';
  }
}

/** NAME.NAMESPACE.svc */
function atService(service: Service, view: ClusterView, settings: ZoneSettings): Found {
  const targets = targetsOf(service, view, settings);
  // "If there are no ready endpoints for the headless Service, the answer should be NXDOMAIN" (2.4.1)
  if (targets.length === 0) return 'no such name';
  return {
    ...serviceLocations(targets, settings),
    records: [
      ...hostRecords(targets.flatMap(({ addresses }) => addresses)),
      ...serviceLocations(targets, settings).records,
    ],
  };
}

/** HOSTNAME.NAME.NAMESPACE.svc, and the node between _PORT._PROTOCOL and the Service */
function belowService(service: Service, label: string, view: ClusterView): Found {
  const endpoints = view.endpoints(service);
  const addresses = endpoints.filter(({ hostname }) => hostname === label).map(({ address }) => address);
  if (addresses.length > 0) return { records: hostRecords(addresses) };
  const ports = service.kind === 'cluster' ? service.ports : endpoints.flatMap(({ ports }) => ports);
  return ports.some(({ name, protocol }) => name !== '' && `_${protocol}` === label) ? {} : 'no such name';
}

/** _PORT._PROTOCOL.NAME.NAMESPACE.svc; ports without a name have none */
function atPort(
  service: Service,
  port: string,
  protocol: string,
  view: ClusterView,
  settings: ZoneSettings,
): Found {
  const wanted = (one: { name: string; protocol: string }): boolean =>
    one.name !== '' && `_${one.name}` === port && `_${one.protocol}` === protocol;
  const targets = targetsOf(service, view, settings)
    .map((target) => ({ ...target, ports: target.ports.filter(wanted) }))
    .filter(({ ports }) => ports.length > 0);
  return targets.length === 0 ? 'no such name' : serviceLocations(targets, settings);
}

/** Where a Service is: at its own address, or at each of its endpoints. */
interface Target {
  name: string;
  addresses: readonly string[];
  ports: readonly { name: string; protocol: string; port: number }[];
}

function targetsOf(service: Service, view: ClusterView, settings: ZoneSettings): Target[] {
  const name = nameOfService(service, settings);
  if (service.kind === 'cluster') return [{ name, addresses: service.addresses, ports: service.ports }];
  return view.endpoints(service).map(({ hostname, address, ports }: ReadyEndpoint) => ({
    name: `${hostname}.${name}`,
    addresses: [address],
    ports,
  }));
}

function serviceLocations(
  targets: readonly Target[],
  { ttl }: ZoneSettings,
): { records: RecordData[]; additionals: Answer[] } {
  const locations = new Map<string, RecordData>();
  const hosts = new Map<string, Answer>();
  for (const { name, addresses, ports } of targets) {
    for (const { port } of ports) {
      const weight = Math.max(1, Math.floor(100 / targets.length));
      locations.set(`${name}:${port}`, { type: 'SRV', data: { priority: 0, weight, port, target: name } });
    }
    for (const address of addresses) {
      const type = familyOf(address) === 4 ? 'A' : 'AAAA';
      hosts.set(`${name}/${address}`, { type, name, ttl, data: address });
    }
  }
  return { records: [...locations.values()], additionals: [...hosts.values()] };
}

function hostRecords(addresses: readonly string[]): RecordData[] {
  return [
    ...addressesOf(4, addresses).map((data) => ({ type: 'A', data })),
    ...addressesOf(6, addresses).map((data) => ({ type: 'AAAA', data })),
  ];
}

function reverse(name: string, view: ClusterView, settings: ZoneSettings): Found {
  const address = addressOfReverse(name);
  if (address === undefined) return 'not ours';
  const names = view.namesOf(address);
  if (names.length > 0) {
    return {
      records: names.map(({ service, hostname }) => ({
        type: 'PTR',
        data: (hostname === undefined ? '' : `${hostname}.`) + nameOfService(service, settings),
      })),
    };
  }
  return settings.ownsAddress(address) ? 'no such name' : 'not ours';
}

function nameOfService({ name, namespace }: Service, { domain }: ZoneSettings): string {
  return `${name}.${namespace}.svc.${domain}`;
}

function nameServer({ domain }: ZoneSettings): string {
  return `ns.dns.${domain}`;
}

function startOfAuthority(settings: ZoneSettings): RecordData {
  return {
    type: 'SOA',
    data: {
      mname: nameServer(settings),
      rname: `hostmaster.${settings.domain}`,
      // nobody transfers this zone
      serial: 1,
      refresh: 7200,
      retry: 1800,
      expire: 86400,
      minimum: settings.ttl,
    },
  };
}
