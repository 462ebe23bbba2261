import { selects } from './selector.ts';
import type { DnsEndpoint, Peer, PodRecord, PolicyRecord } from './records.ts';

/** All that decides who may talk to whom. */
export interface ClusterState {
  policies: readonly PolicyRecord[];
  pods: readonly PodRecord[];
  /** Labels by name. */
  namespaces: ReadonlyMap<string, Readonly<Record<string, string>>>;
  /** The cluster's DNS, wherever it runs. */
  dns: readonly DnsEndpoint[];
}

/** The same, to be asked. */
export interface ClusterView {
  /** In order of their names. */
  policies: readonly PolicyRecord[];
  /** With at least one address each, and no address twice. */
  pods: readonly PodRecord[];
  /** Pods that any of these peers selects; blocks of addresses are not looked at. */
  podsOf: (peers: readonly Peer[], policyNamespace: string) => readonly PodRecord[];
  /** The cluster's DNS where one of these peers selects its pods, and it has none: they are agents on nodes. */
  dnsOf: (peers: readonly Peer[] | undefined, policyNamespace: string) => readonly DnsEndpoint[];
}

/** What CoreDNS' pods have, in every cluster that has them: users' policies let pods call DNS by it. */
const dnsPods = { namespace: 'kube-system', labels: { 'k8s-app': 'kube-dns' } };

export function viewOf({ policies, pods, namespaces, dns }: ClusterState): ClusterView {
  const owners = ownersOf(pods);
  const owned = pods.flatMap((pod) => {
    const addresses = pod.addresses.filter((address) => owners.get(address) === pod);
    return addresses.length === 0 ? [] : [{ ...pod, addresses }];
  });
  const byNamespace = new Map<string, PodRecord[]>();
  for (const pod of owned) {
    const others = byNamespace.get(pod.namespace);
    if (others) others.push(pod);
    else byNamespace.set(pod.namespace, [pod]);
  }
  const selected = new Map<string, readonly PodRecord[]>();
  const podsOfPeer = (peer: Peer, policyNamespace: string): readonly PodRecord[] => {
    if ('cidr' in peer) return [];
    const key = JSON.stringify([peer.namespaces ?? policyNamespace, peer.pods]);
    const known = selected.get(key);
    if (known) return known;
    const found = [...namespaces]
      .filter(([name, labels]) =>
        peer.namespaces ? selects(peer.namespaces, labels) : name === policyNamespace,
      )
      .flatMap(([name]) => byNamespace.get(name) ?? [])
      .filter(({ labels }) => selects(peer.pods, labels));
    selected.set(key, found);
    return found;
  };
  const dnsOnNodes = dns.filter(({ address }) => !owners.has(address));
  const selectsDns = (peer: Peer, policyNamespace: string): boolean =>
    'pods' in peer &&
    selects(peer.pods, dnsPods.labels) &&
    (peer.namespaces
      ? selects(peer.namespaces, namespaces.get(dnsPods.namespace) ?? {})
      : policyNamespace === dnsPods.namespace);
  return {
    policies: [...policies].sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1)),
    pods: owned,
    podsOf: (peers, policyNamespace) => [
      ...new Set(peers.flatMap((peer) => podsOfPeer(peer, policyNamespace))),
    ],
    dnsOf: (peers, policyNamespace) =>
      !peers || peers.some((peer) => selectsDns(peer, policyNamespace)) ? dnsOnNodes : [],
  };
}

export function nameOf({ namespace, name }: { namespace: string; name: string }): string {
  return `${namespace}/${name}`;
}

/**
 * The pod that each address belongs to. The address of a pod that has ended may be given to another pod before the API
 * server knows of the end, so two pods may claim it; nft takes no address twice.
 */
function ownersOf(pods: readonly PodRecord[]): Map<string, PodRecord> {
  const owners = new Map<string, PodRecord>();
  for (const pod of pods) {
    for (const address of pod.addresses) {
      const other = owners.get(address);
      if (!other || isLater(pod, other)) owners.set(address, pod);
    }
  }
  return owners;
}

function isLater(pod: PodRecord, other: PodRecord): boolean {
  return pod.ending === other.ending ? pod.created > other.created : other.ending;
}
