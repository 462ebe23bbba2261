/**
 * Policies and pods -> nftables rules of one node. The node that a pod runs on enforces what may reach the pod and what
 * the pod may reach. Pods to which the same policies apply share a chain, and a map leads to it by address: what a packet
 * costs grows neither with the pods nor with the policies of others.
 */

import { collector, header } from './collections.ts';
import type { Collection, Collector, Family } from './collections.ts';
import { addressMatches, isInBlock, portMatches } from './matches.ts';
import type {
  ContainerPort,
  DnsEndpoint,
  PodRecord,
  PolicyPort,
  PolicyRecord,
  PolicyRule,
} from './records.ts';
import { selects } from './selector.ts';
import { nameOf } from './view.ts';
import type { ClusterView } from './view.ts';

export interface Ruleset {
  /** Sets and maps: what is in them changes with pods, everything else with policies. */
  collections: readonly Collection[];
  chains: readonly Chain[];
}

export interface Chain {
  name: string;
  rules: readonly string[];
}

type Direction = 'egress' | 'ingress';
/** In the order in which a packet meets them. */
const directions: readonly Direction[] = ['egress', 'ingress'];

/** Pods of this node to which the same policies apply. */
interface Group {
  chain: string;
  policies: readonly PolicyRecord[];
  pods: readonly PodRecord[];
}

interface Context {
  view: ClusterView;
  collections: Collector;
  families: readonly Family[];
}

/** The rules of a node; undefined: no policy applies to any pod on it. */
export function rulesetOf(view: ClusterView, node: string, families: readonly Family[]): Ruleset | undefined {
  const context: Context = { view, collections: collector(families), families };
  const local = view.pods.filter((pod) => pod.node === node);
  const groups = directions.map((direction) => groupsOf(local, view.policies, direction));
  if (groups.every(({ length }) => length === 0)) return undefined;
  const chains = directions.flatMap((direction, index) =>
    (groups[index] ?? []).map((group) => ({ name: group.chain, rules: rulesOf(context, direction, group) })),
  );
  const entry = entryChain(context, groups);
  return { collections: context.collections.all(), chains: [...chains, entry] };
}

/** Pods that no policy selects are in none. */
function groupsOf(
  pods: readonly PodRecord[],
  policies: readonly PolicyRecord[],
  direction: Direction,
): Group[] {
  const groups = new Map<string, { policies: PolicyRecord[]; pods: PodRecord[] }>();
  for (const pod of pods) {
    const own = policies.filter(
      (policy) =>
        policy[direction] !== undefined &&
        policy.namespace === pod.namespace &&
        selects(policy.pods, pod.labels),
    );
    if (own.length === 0) continue;
    const key = own.map(nameOf).join(' ');
    const group = groups.get(key) ?? { policies: own, pods: [] };
    group.pods.push(pod);
    groups.set(key, group);
  }
  return [...groups]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, group], index) => ({ ...group, chain: `${direction}-${index + 1}` }));
}

/** What every forwarded packet meets first. What the node itself sends to its pods, or gets from them, is not forwarded. */
function entryChain({ collections, families }: Context, groups: readonly (readonly Group[])[]): Chain {
  const isolated = new Set(groups.flat().flatMap(({ pods }) => pods.flatMap(({ addresses }) => addresses)));
  const self = collections.add(
    ...(['set', 'self'] as const),
    (address) => `${address} . ${address}`,
    [...isolated].map((address) => `${address} . ${address}`),
  );
  const [egress, ingress] = directions.map((direction, index) =>
    collections.add(
      ...(['map', direction] as const),
      (address) => `${address} : verdict`,
      (groups[index] ?? []).flatMap(({ chain, pods }) =>
        pods.flatMap(({ addresses }) => addresses.map((address) => `${address} : jump ${chain}`)),
      ),
    ),
  );
  const perFamily = (rule: (ip: string, family: Family) => string): string[] =>
    families.map((family) => rule(header[family], family));
  return {
    name: 'forward',
    rules: [
      // kube-proxy has replaced the addresses of Services by those of pods before this hook
      'type filter hook forward priority filter; policy accept;',
      'ct state established,related accept',
      // neighbour discovery: pods of one node find each other by it, and it has no connection state
      ...(families.includes(6) ? [`icmpv6 type { ${neighbours} } accept`] : []),
      // a pod may call itself through its Service
      ...perFamily((ip, family) => `${ip} saddr . ${ip} daddr @${self(family)} accept`),
      ...perFamily((ip, family) => `${ip} saddr vmap @${egress?.(family) ?? ''}`),
      ...perFamily((ip, family) => `${ip} daddr vmap @${ingress?.(family) ?? ''}`),
    ],
  };
}

const neighbours = [
  ...['nd-neighbor-solicit', 'nd-neighbor-advert'],
  ...['mld-listener-query', 'mld-listener-report', 'mld-listener-done', 'mld2-listener-report'],
].join(', ');

/** What any policy of the group allows goes on to the next question, all else ends here. */
function rulesOf(context: Context, direction: Direction, group: Group): string[] {
  return [
    ...group.policies.flatMap((policy) =>
      (policy[direction] ?? []).flatMap((rule, number) => {
        const matches =
          direction === 'ingress'
            ? ingressMatches(context, group, policy, rule, number)
            : egressMatches(context, policy, rule, number);
        // nft takes 128 characters
        return matches.map((match) => join(match, 'return', `comment "${nameOf(policy).slice(0, 120)}"`));
      }),
    ),
    'counter drop comment "no policy allows it"',
  ];
}

function ingressMatches(
  context: Context,
  { chain, pods }: Group,
  policy: PolicyRecord,
  rule: PolicyRule,
  number: number,
): string[] {
  const from = addressMatches('saddr', rule.peers, podSet(context, policy, rule), context.families);
  const matches = from.flatMap(({ text }) => portMatches(rule.ports).map((port) => join(text, port)));
  if (!namesPorts(rule)) return matches;
  const key = `${chain} ${nameOf(policy)} ${number}`;
  const named = endpointMatches(context, key, () => namedEndpoints(pods, rule.ports));
  return [
    ...matches,
    ...named.flatMap(({ text, family }) =>
      from
        .filter((peer) => peer.family === undefined || peer.family === family)
        .map((peer) => join(peer.text, text)),
    ),
  ];
}

function egressMatches(context: Context, policy: PolicyRecord, rule: PolicyRule, number: number): string[] {
  const to = addressMatches('daddr', rule.peers, podSet(context, policy, rule), context.families);
  const matches = to.flatMap(({ text }) => portMatches(rule.ports).map((port) => join(text, port)));
  const dns = context.view.dnsOf(rule.peers, policy.namespace);
  // a rule without peers allows the DNS anyway; where it is matters only to a rule that names ports
  if (!namesPorts(rule) && (!rule.peers || dns.length === 0)) return matches;
  const named = endpointMatches(context, `egress ${nameOf(policy)} ${number}`, () => [
    ...namedEndpoints(calledPods(context.view, policy, rule), rule.ports),
    ...dnsEndpointsOf(dns, rule.ports),
  ]);
  return [...matches, ...named.map(({ text }) => text)];
}

/** Addresses of the peers that are pods; undefined: none of the peers are. */
function podSet({ view, collections }: Context, { namespace }: PolicyRecord, { peers }: PolicyRule) {
  const selectors = peers?.filter((peer) => 'pods' in peer) ?? [];
  if (selectors.length === 0) return undefined;
  // a peer without a namespace selector means pods of the policy's own namespace, which is then part of the key
  const key = `pods ${JSON.stringify(selectors.map(({ namespaces = namespace, pods }) => [namespaces, pods]))}`;
  return collections.share(
    ...([key, 'pods'] as const),
    (address) => address,
    () => view.podsOf(selectors, namespace).flatMap(({ addresses }) => addresses),
  );
}

/** Matches of what is called: address, protocol and port. */
function endpointMatches({ collections, families }: Context, key: string, elements: () => string[]) {
  const set = collections.share(
    ...([key, 'endpoints'] as const),
    (address) => `${address} . inet_proto . inet_service`,
    elements,
  );
  return families.map((family) => ({
    family,
    text: `${header[family]} daddr . meta l4proto . th dport @${set(family)}`,
  }));
}

function namesPorts({ ports = [] }: PolicyRule): boolean {
  return ports.some(({ port }) => typeof port === 'string');
}

/** Pods that a rule about calls allows to be called, to look up the ports that it names. */
function calledPods(view: ClusterView, { namespace }: PolicyRecord, { peers }: PolicyRule): PodRecord[] {
  if (!peers) return [...view.pods];
  const blocks = peers.filter((peer) => 'cidr' in peer);
  const inBlocks = view.pods.flatMap((pod) => {
    const addresses = pod.addresses.filter((address) => blocks.some((block) => isInBlock(address, block)));
    return addresses.length === 0 ? [] : [{ ...pod, addresses }];
  });
  return [...view.podsOf(peers, namespace), ...inBlocks];
}

function namedEndpoints(pods: readonly PodRecord[], wanted: readonly PolicyPort[] = []): string[] {
  return pods.flatMap(({ addresses, ports }) =>
    ports
      .filter(({ name, protocol }) => wanted.some((one) => one.port === name && one.protocol === protocol))
      .flatMap((port) => addresses.map((address) => endpoint(address, port))),
  );
}

function dnsEndpointsOf(dns: readonly DnsEndpoint[], wanted: readonly PolicyPort[] | undefined): string[] {
  return dns.flatMap(({ address, ports }) =>
    ports
      .filter((port) => wanted?.some((one) => allows(one, port)) ?? true)
      .map((port) => endpoint(address, port)),
  );
}

function allows(wanted: PolicyPort, { name, protocol, port }: ContainerPort): boolean {
  if (wanted.protocol !== protocol) return false;
  if (wanted.port === undefined) return true;
  if (typeof wanted.port === 'string') return wanted.port === name;
  return wanted.port.first <= port && port <= wanted.port.last;
}

function endpoint(address: string, { protocol, port }: ContainerPort): string {
  return `${address} . ${protocol.toLowerCase()} . ${port}`;
}

function join(...parts: readonly string[]): string {
  return parts.filter((part) => part !== '').join(' ');
}
