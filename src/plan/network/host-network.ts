/** Network mode host: the only node shares the network of its host, which holds everything that Kubernetes makes there. */

import { InputError, type Problem } from '../../errors.ts';
import type { HostFacts } from '../../facts/types.ts';
import { asSubnet } from '../../formats/cidr.ts';
import { secondNode } from '../../spec/validate/host-network.ts';
import type { ClusterSpec } from '../../spec/types.ts';
import type { ClusterPlan, PlanInputs, PlannedCommand } from '../types.ts';

/** The bridge of pods, which CNI's plugin makes where the node's network is: on the host. */
export const podBridge = 'cni0';

/**
 * Where the cluster's DNS waits on a node that shares the host's network: port 53 belongs to the host. The Service has
 * port 53 as everywhere.
 */
export const hostNetworkDnsPort = 10_253;

/** Ports that a control plane waits at, and who does. */
const ports: readonly (readonly [port: number, who: string])[] = [
  [6443, 'kube-apiserver'],
  [2379, 'etcd'],
  [2380, 'etcd'],
  [9153, 'knest-agent'],
  [10_248, 'kubelet'],
  [10_249, 'kube-proxy'],
  [10_250, 'kubelet'],
  [10_256, 'kube-proxy'],
  [10_257, 'kube-controller-manager'],
  [10_259, 'kube-scheduler'],
  [10_262, 'knest-agent'],
  [10_264, 'knest-agent'],
  [hostNetworkDnsPort, 'knest-agent'],
];

/** With `ingress: true` it waits at these, too. */
const ingressPorts = [80, 443];

/** Links that only a node of Kubernetes has. */
const linksOfNodes = [podBridge, 'kube-ipvs0', 'flannel.1', 'cilium_host', 'vxlan.calico'];

/** What a node has of a host whose network it shares. */
export interface HostNetwork {
  /** The host's. */
  address: string;
}

type Facts = Pick<
  PlanInputs,
  'addresses' | 'defaultAddress' | 'firewall' | 'links' | 'listening' | 'hostNetworkOf' | 'programs'
>;

/**
 * The host's address that its node has; undefined for other network modes.
 * @param previous the cluster as it is: its own ports and rules are there
 * @throws InputError when there is no such address, or when Kubernetes or somebody else has what it needs
 */
export function findHostNetwork(
  { network, nodes, ingress }: Pick<ClusterSpec, 'network' | 'nodes' | 'ingress'>,
  facts: Facts,
  previous?: ClusterPlan,
): HostNetwork | undefined {
  if (network.mode !== 'host') return undefined;
  const address = network.hostAddress ?? previous?.network.apiAddress ?? facts.defaultAddress;
  const problems = [
    ...(nodes.length > 1 ? [secondNode(nodes.length)] : []),
    ...addressProblems(address, facts),
    ...(previous ? [] : [...otherNodes(facts), ...takenPorts(facts, ingress === true)]),
  ];
  if (problems.length > 0 || address === undefined)
    throw new InputError('the cluster does not fit this host', problems);
  return { address };
}

function addressProblems(address: string | undefined, { addresses }: Facts): Problem[] {
  const path = 'network.hostAddress';
  const hint = `of this host: ${addresses.filter((one) => !one.startsWith('127.') && !one.includes(':')).join(', ')}`;
  if (address === undefined)
    return [{ path, message: 'is needed: this host has no default route that would tell it', hint }];
  return addresses.includes(address)
    ? []
    : [{ path, message: `${address} is no address of this host`, hint }];
}

/** What this node leaves on the host is taken away by name, so nobody else may have the same names. */
function otherNodes({ firewall, links, hostNetworkOf }: Facts): Problem[] {
  const path = 'network.mode';
  if (hostNetworkOf !== undefined) {
    const message = `the cluster "${hostNetworkOf}" shares the network of this host already, and only one can`;
    return [
      { path, message, hint: `another network, or first: knest delete cluster --name ${hostNetworkOf}` },
    ];
  }
  const traces = [
    ...(firewall.kubernetes ?? []).map((table) => `rules of Kubernetes in ${table}`),
    ...links.filter((link) => linksOfNodes.includes(link)).map((link) => `the link ${link}`),
  ];
  if (traces.length === 0) return [];
  return [
    {
      path,
      message: `this host is a node of Kubernetes already: it has ${traces.join(', ')}`,
      hint: 'use the network "bridge"; if they are left over, take them away (kubeadm reset tells how) or reboot',
    },
  ];
}

function takenPorts({ listening }: Facts, ingress: boolean): Problem[] {
  const more = ingress ? ingressPorts.map((port) => [port, 'HAProxy'] as const) : [];
  return [...ports, ...more].flatMap(([port, who]) => {
    const by = listening.find((one) => one.port === port && one.protocol !== 'sctp');
    if (!by) return [];
    return [
      {
        path: 'network.mode',
        message: `port ${port} of this host is taken, and ${who} needs it${by.usedBy === undefined ? '' : `: ${by.usedBy}`}`,
        hint: `who has it: ss -lntup 'sport = :${port}'`,
      },
    ];
  });
}

/** The node's subnet: its address alone. */
export function hostNetworkSubnet({ address }: HostNetwork): string {
  return asSubnet(address);
}

/**
 * What kube-proxy, the kubelet and CNI plugins leave on the host: chains of theirs and jumps to them, the bridge of pods
 * with its routes. With the image's own iptables, which made them; hosts may have none, or an older one that cannot read
 * them. What was in the same tables before, Docker's for one, stays: each table is changed in one transaction, by chain.
 * @param image folder of the image
 */
export function sweepCommands(image: string, { firewall }: Pick<HostFacts, 'firewall'>): PlannedCommand[] {
  const present = firewall.builtIn ?? [];
  const fresh = ['ip', 'ip6'].flatMap((family) =>
    Object.entries(builtIn)
      .flatMap(([table, chains]) => chains.map((chain) => `${family} ${table} ${chain}`))
      .filter((chain) => !present.includes(chain)),
  );
  const inImage = (script: string, ...args: string[]) => ['chroot', image, 'sh', '-c', script, ...args];
  return [
    {
      why: 'rules of Kubernetes and CNI plugins on this host, found by the names of their chains; all others stay',
      argv: inImage(sweepChains),
      mayFail: true,
    },
    {
      why: "kube-proxy's own tables, and that of network policies",
      argv: inImage(
        'for table in "$0" "$@"; do nft delete table $table 2> /dev/null; done; true',
        ...['ip kube-proxy', 'ip6 kube-proxy', 'inet knest_policy'],
      ),
      mayFail: true,
    },
    {
      why: 'chains of iptables that this host did not have before, where nothing is left in them, and empty tables',
      argv: inImage(sweepBuiltIn, ...fresh),
      mayFail: true,
    },
    {
      why: 'the bridge of pods; its routes go with it',
      argv: ['ip', 'link', 'delete', 'dev', podBridge, 'type', 'bridge'],
      mayFail: true,
    },
  ];
}

/** iptables-restore(8), --noflush: a chain that is declared is emptied, others are left alone. */
const sweepChains = `for family in iptables ip6tables; do
  $family-save | awk '
    /^[*]/ { table = $0; declared = jumps = chains = ""; next }
    /^:(KUBE|CNI)-/ { name = substr($1, 2); declared = declared ":" name " - [0:0]\\n"; chains = chains "-X " name "\\n"; next }
    /^-A (KUBE|CNI)-/ { next }
    /^-A .* -[jg] (KUBE|CNI)-/ { sub(/^-A/, "-D"); jumps = jumps $0 "\\n" }
    /^COMMIT/ && declared jumps != "" { printf "%s\\n%s%s%sCOMMIT\\n", table, declared, jumps, chains }
  ' | $family-restore --noflush
done`;

/** Of iptables; it makes those that it needs, with the table. */
const builtIn: Readonly<Record<string, readonly string[]>> = {
  filter: ['INPUT', 'FORWARD', 'OUTPUT'],
  mangle: ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'],
  nat: ['PREROUTING', 'INPUT', 'OUTPUT', 'POSTROUTING'],
  raw: ['PREROUTING', 'OUTPUT'],
};

/** nft(8): a chain with rules cannot be deleted. One that does not accept, somebody has told so. */
const sweepBuiltIn = `for chain in "$0" "$@"; do
  nft list chain $chain 2> /dev/null | grep -q 'policy accept' || continue
  nft delete chain $chain 2> /dev/null || true
done
for family in ip ip6; do
  for table in filter mangle nat raw; do
    rules=$(nft list table $family $table 2> /dev/null) || continue
    echo "$rules" | grep -vqE '^(table .*|[}]|)$' || nft delete table $family $table
  done
done`;
