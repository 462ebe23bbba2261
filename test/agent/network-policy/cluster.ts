/** Small clusters to ask: may this pod reach that one? The rules of both nodes are carried out as nftables would. */

import type { PodObject } from '../../../src/clients/kubernetes/objects.ts';
import { contains } from '../../../src/formats/cidr.ts';
import type { Family } from '../../../src/agent/network-policy/collections.ts';
import type { LabelSelector, NetworkPolicyObject } from '../../../src/agent/network-policy/objects.ts';
import { podRecord, policyRecord } from '../../../src/agent/network-policy/records.ts';
import type { DnsEndpoint, Protocol } from '../../../src/agent/network-policy/records.ts';
import { rulesetOf } from '../../../src/agent/network-policy/ruleset.ts';
import type { Ruleset } from '../../../src/agent/network-policy/ruleset.ts';
import { viewOf } from '../../../src/agent/network-policy/view.ts';

type Labels = Record<string, string>;
type PodSpec = NonNullable<PodObject['spec']>;

export interface World {
  pods: readonly PodObject[];
  policies: readonly NetworkPolicyObject[];
  namespaces?: Readonly<Record<string, Labels>>;
  dns?: readonly DnsEndpoint[];
  families?: readonly Family[];
}

/** Ports: http 80, dns 53/UDP. */
export function pod(
  name: string,
  address: string | readonly string[],
  { labels = {}, node = 'one', spec = {}, status = {}, metadata = {} }: PodChanges = {},
): PodObject {
  const [namespace = '', own = ''] = name.split('/');
  const ips = typeof address === 'string' ? [address] : address;
  return {
    metadata: { namespace, name: own, labels, ...metadata },
    spec: {
      nodeName: node,
      containers: [
        {
          ports: [
            { name: 'http', containerPort: 80 },
            { name: 'dns', containerPort: 53, protocol: 'UDP' },
            { containerPort: 9999 },
          ],
        },
      ],
      ...spec,
    },
    status: { phase: 'Running', podIPs: ips.map((ip) => ({ ip })), ...status },
  };
}

interface PodChanges {
  labels?: Labels;
  node?: string;
  spec?: PodSpec;
  status?: NonNullable<PodObject['status']>;
  metadata?: PodObject['metadata'];
}

export function policy(
  name: string,
  spec: NonNullable<NetworkPolicyObject['spec']>,
  podSelector: LabelSelector = {},
): NetworkPolicyObject {
  const [namespace = '', own = ''] = name.split('/');
  return { metadata: { namespace, name: own }, spec: { podSelector, ...spec } };
}

export function rulesOn(world: World, node = 'one'): Ruleset | undefined {
  const { pods, policies, namespaces = {}, dns = [], families = [4, 6] } = world;
  const known = { shop: {}, bank: {}, 'kube-system': {}, ...namespaces };
  const state = {
    policies: policies.map(policyRecord),
    pods: pods.map(podRecord),
    namespaces: new Map(Object.entries(known)),
    dns,
  };
  return rulesetOf(viewOf(state), node, families);
}

/** Whether a new connection gets through both nodes, "10.0.0.1" to "10.0.0.2 tcp 80". */
export function reaches(world: World, from: string, to: string): boolean {
  const [daddr = '', protocol = 'tcp', port = '80'] = to.split(' ');
  const nodes = new Set(world.pods.map(({ spec }) => spec?.nodeName ?? ''));
  const packet = { saddr: from, daddr, protocol: protocol.toUpperCase() as Protocol, port: Number(port) };
  return [...nodes].every((node) => {
    const rules = rulesOn(world, node);
    return !rules || verdict(rules, 'forward', packet) !== 'drop';
  });
}

interface Packet {
  saddr: string;
  daddr: string;
  protocol: Protocol;
  port: number;
}

type Verdict = 'accept' | 'drop' | 'return';

/** As much of nftables as the rules need; it refuses what it does not know. */
function verdict(ruleset: Ruleset, chain: string, packet: Packet): Verdict {
  const rules = ruleset.chains.find(({ name }) => name === chain)?.rules;
  if (!rules) throw new Error(`no chain ${chain}`);
  for (const rule of rules) {
    const outcome = follow(ruleset, rule.replace(/ comment "[^"]*"$/, ''), packet);
    if (outcome === 'accept' || outcome === 'drop') return outcome;
    if (outcome === 'return') return chain === 'forward' ? 'accept' : 'return';
  }
  return 'return';
}

function follow(ruleset: Ruleset, rule: string, packet: Packet): Verdict | undefined {
  // the connection is new, and no ICMP
  if (/^(type|ct state|icmpv6) /.test(rule)) return undefined;
  let rest = rule.replace(/^counter /, '');
  const elements = (name: string): ReadonlySet<string> => {
    const found = ruleset.collections.find((one) => one.name === name);
    if (!found) throw new Error(`no set ${name} for: ${rule}`);
    return found.elements;
  };
  const take = (pattern: RegExp): RegExpExecArray | undefined => {
    const match = pattern.exec(rest);
    if (match) rest = rest.slice(match[0].length).trimStart();
    return match ?? undefined;
  };
  for (;;) {
    let match: RegExpExecArray | undefined;
    if ((match = take(/^(accept|drop|return)$/))) return match[1] as Verdict;
    if ((match = take(/^(ip6?) (saddr|daddr) vmap @(\S+)/))) {
      const key = ofFamily(match[1], packet[match[2] as 'saddr']);
      const jump = [...elements(match[3] ?? '')].find((one) => key && one.startsWith(`${key} : jump `));
      return jump === undefined ? undefined : verdict(ruleset, jump.split(' ').at(-1) ?? '', packet);
    }
    let met: boolean;
    if ((match = take(/^(ip6?) saddr \. ip6? daddr @(\S+)/)))
      met = elements(match[2] ?? '').has(`${packet.saddr} . ${packet.daddr}`);
    else if ((match = take(/^(ip6?) daddr \. meta l4proto \. th dport @(\S+)/)))
      met = elements(match[2] ?? '').has(
        `${packet.daddr} . ${packet.protocol.toLowerCase()} . ${packet.port}`,
      );
    else if ((match = take(/^(ip6?) (saddr|daddr) @(\S+)/)))
      met = elements(match[3] ?? '').has(ofFamily(match[1], packet[match[2] as 'saddr']) ?? '');
    else if ((match = take(/^(ip6?) (saddr|daddr) (!= )?(?:\{ ([^}]*) \}|(\S+))/))) {
      const address = ofFamily(match[1], packet[match[2] as 'saddr']);
      const within = (match[4] ?? match[5] ?? '')
        .split(', ')
        .some((cidr) => address !== undefined && contains(cidr, address));
      met = address !== undefined && within !== (match[3] !== undefined);
    } else if ((match = take(/^(tcp|udp|sctp) dport \{ ([^}]*) \}/)))
      met =
        match[1] === packet.protocol.toLowerCase() &&
        (match[2] ?? '').split(', ').some((range) => {
          const [first = '', last = first] = range.split('-');
          return Number(first) <= packet.port && packet.port <= Number(last);
        });
    else if ((match = take(/^meta l4proto (\S+)/))) met = match[1] === packet.protocol.toLowerCase();
    else throw new Error(`not understood: "${rest}" of "${rule}"`);
    if (!met) return undefined;
  }
}

function ofFamily(header: string | undefined, address: string): string | undefined {
  return (header === 'ip6') === address.includes(':') ? address : undefined;
}
