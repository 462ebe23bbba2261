import { InputError, KnestError, type Problem } from '../../errors.ts';
import type { HostFacts, SubnetInUse } from '../../facts/types.ts';
import { familyOf, meet, nthSubnet, overlaps, parseCidr, subnetsOf } from '../../formats/cidr.ts';
import type { NetworkSpec } from '../../spec/types.ts';
import { familiesOf, nodesInNodeSubnet, nodesInPodSubnet, type Family } from './node-addresses.ts';

/** One of each per family of the cluster, in the order of ipFamily. */
export interface ClusterSubnets {
  /** See node-addresses.ts for who has which address. */
  nodeSubnets: readonly string[];
  /** Cut into a part per node (podPrefixOfNode). */
  podSubnets: readonly string[];
  serviceSubnets: readonly string[];
}

export interface SubnetOptions {
  /**
   * The cluster's own bridge: what already leads to it is not in the way. `create` after a `create` that was killed
   * must find the same subnets again.
   */
  ownBridge?: string;
  /** Link of the LAN that nodes are hosts of: the node subnet is part of what it uses. */
  lan?: string;
  /** The LAN itself, where its DHCP server gives nodes their addresses: everybody's, and so in nobody's way. */
  leased?: string;
}

type Kind = keyof ClusterSubnets;

/**
 * Fills in the subnets that the spec leaves open, each with the first of knest's defaults that nothing on this host
 * uses, and checks those that it gives.
 * @throws InputError with a problem per given subnet that the host uses already or that has no room for the nodes.
 * @throws KnestError (preflight) when all defaults are taken.
 */
export function chooseSubnets(
  network: Pick<NetworkSpec, 'ipFamily' | Kind>,
  facts: Pick<HostFacts, 'subnetsInUse' | 'nameservers'>,
  nodeCount: number,
  options: SubnetOptions = {},
): ClusterSubnets {
  const inUse = usedByOthers(facts, [options.ownBridge, options.lan]);
  const wishes = { ...network, ...(options.leased === undefined ? {} : { nodeSubnets: [options.leased] }) };
  const problems = kinds
    .filter((kind) => kind !== 'nodeSubnets' || options.leased === undefined)
    .flatMap((kind) =>
      (wishes[kind] ?? []).flatMap((given) =>
        problemsOf({ kind, path: configKey(kind), given }, inUse, nodeCount),
      ),
    );
  if (problems.length > 0) throw new InputError('the cluster does not fit this host', problems);

  const taken: SubnetInUse[] = [...inUse];
  const chosen: Record<Kind, readonly string[]> = { nodeSubnets: [], podSubnets: [], serviceSubnets: [] };
  const take = (kind: Kind, cidr: string): string => {
    taken.push({ cidr, usedBy: configKey(kind), link: '' });
    return cidr;
  };
  // what the user gave comes first: the defaults make way for it
  for (const kind of kinds)
    chosen[kind] = (wishes[kind] ?? []).map((given) => take(kind, parseCidr(given).text));
  for (const kind of kinds) {
    if (wishes[kind] !== undefined) continue;
    chosen[kind] = familiesOf(network.ipFamily).map((family) =>
      take(kind, firstFree(kind, family, taken, nodeCount)),
    );
  }
  return chosen;
}

/** How many nodes a cluster can have at most. */
export function roomForNodes({ nodeSubnets, podSubnets }: Omit<ClusterSubnets, 'serviceSubnets'>): number {
  return Math.min(...nodeSubnets.map(nodesInNodeSubnet), ...podSubnets.map(nodesInPodSubnet));
}

/** A cluster's subnets of one family. */
export interface FamilySubnets {
  family: Family;
  /** Nodes and pods. */
  inside: readonly string[];
  services: readonly string[];
}

/**
 * In the order of the cluster's families.
 * @param nodes of a LAN that the cluster shares with others: the nodes' own addresses, instead of all of it
 */
export function subnetsByFamily(
  { nodeSubnets, podSubnets, serviceSubnets }: ClusterSubnets,
  nodes?: readonly string[],
): FamilySubnets[] {
  return nodeSubnets.map((nodeSubnet) => {
    const family = familyOf(nodeSubnet) ?? 4;
    const isOfFamily = (subnet: string) => familyOf(subnet) === family;
    return {
      family,
      inside: [...(nodes?.filter(isOfFamily) ?? [nodeSubnet]), ...podSubnets.filter(isOfFamily)],
      services: serviceSubnets.filter(isOfFamily),
    };
  });
}

/** As the config file calls them: one text for both families. */
function configKey(kind: Kind): string {
  return `network.${kind.slice(0, -1)}`;
}

/** nodeSubnets: --node-subnet */
function flagOf(kind: Kind): string {
  return `--${kind.slice(0, -'Subnets'.length)}-subnet`;
}

const kinds: readonly Kind[] = ['nodeSubnets', 'podSubnets', 'serviceSubnets'];

/**
 * Defaults in the order in which they are tried: kind and flannel taught people 10.244 and 10.96, and kind
 * fd00:10:244 and fd00:10:96. The last of each for IPv4 are for hosts whose VPN claims all of 10.0.0.0/8; Docker's own
 * begin at 172.17, libvirt's at 192.168.122. fd6b:6e65:7374::/48 spells "knest" where RFC 4193 wants 40 bits that
 * nobody else has. Services get a /112: kube-apiserver takes ranges of 20 bits at most. There are as many of one kind as
 * of the others, so that none of them runs out first while clusters could still be made. For many nodes they are larger.
 */
const defaults: Record<Family, Record<Kind, readonly { from: string; prefix: number }[]>> = {
  4: {
    nodeSubnets: [
      { from: '10.89.0.0/16', prefix: 24 },
      { from: '172.31.0.0/16', prefix: 24 },
      { from: '192.168.200.0/21', prefix: 24 },
    ],
    podSubnets: [
      // with the first of these: all of 10.224.0.0/11
      { from: '10.244.0.0/14', prefix: 16 },
      { from: '10.240.0.0/14', prefix: 16 },
      { from: '10.248.0.0/13', prefix: 16 },
      { from: '10.224.0.0/12', prefix: 16 },
      { from: '172.28.0.0/15', prefix: 16 },
      { from: '192.168.208.0/20', prefix: 20 },
    ],
    serviceSubnets: [
      { from: '10.96.0.0/11', prefix: 16 },
      { from: '172.30.0.0/16', prefix: 16 },
      { from: '192.168.224.0/20', prefix: 20 },
    ],
  },
  6: {
    nodeSubnets: [
      { from: 'fd00:10:89::/56', prefix: 64 },
      { from: 'fd6b:6e65:7374::/56', prefix: 64 },
    ],
    podSubnets: [
      { from: 'fd00:10:244::/48', prefix: 56 },
      { from: 'fd6b:6e65:7374:8000::/49', prefix: 56 },
    ],
    serviceSubnets: [
      { from: 'fd00:10:96::/104', prefix: 112 },
      { from: 'fd6b:6e65:7374:4000::/104', prefix: 112 },
    ],
  },
};

function firstFree(kind: Kind, family: Family, taken: readonly SubnetInUse[], nodeCount: number): string {
  // read once: there may be hundreds of candidates
  const inTheWay = taken.map(({ cidr }) => parseCidr(cidr)).filter((subnet) => subnet.family === family);
  for (const pool of defaults[family][kind]) {
    const prefix = prefixWithRoom(kind, pool, nodeCount);
    if (prefix === undefined) continue;
    for (const text of subnetsOf(pool.from, prefix)) {
      const candidate = parseCidr(text);
      if (!inTheWay.some((other) => meet(other, candidate))) return text;
    }
  }
  throw new KnestError(
    `none of the default IPv${family} subnets for ${configKey(kind)} is free on this host`,
    {
      code: 'NO_FREE_SUBNET',
      hint: `choose one yourself: ${flagOf(kind)}, or ${configKey(kind)} in the config file; or delete clusters: knest get clusters`,
      details: taken
        .filter(({ cidr }) => familyOf(cidr) === family)
        .map(({ cidr, usedBy }) => `${cidr}: ${usedBy}`),
    },
  );
}

/** The usual prefix, or a shorter one where there are many nodes; undefined when all of the pool is too small. */
function prefixWithRoom(
  kind: Kind,
  { from, prefix }: { from: string; prefix: number },
  nodeCount: number,
): number | undefined {
  const shortest = parseCidr(from).prefix;
  for (let length = prefix; length >= shortest; length -= 1) {
    if (room(kind, nthSubnet(from, length, 0)) >= nodeCount) return length;
  }
  return undefined;
}

interface Given {
  kind: Kind;
  path: string;
  given: string;
}

function problemsOf(
  { kind, path, given }: Given,
  inUse: readonly SubnetInUse[],
  nodeCount: number,
): Problem[] {
  const clash = inUse.find(({ cidr }) => overlaps(cidr, given));
  const fits = room(kind, given);
  return [
    ...(clash
      ? [
          {
            path,
            message: `${given} overlaps ${clash.cidr}, ${clash.usedBy} on this host`,
            hint: `choose another one: ${flagOf(kind)}, or in the config; without any knest finds one that is free`,
          },
        ]
      : []),
    ...(fits < nodeCount
      ? [{ path, message: `${given} has room for ${fits} of ${nodeCount} nodes`, hint: 'give a larger one' }]
      : []),
  ];
}

/** How many nodes fit. */
function room(kind: Kind, cidr: string): number {
  if (kind === 'podSubnets') return nodesInPodSubnet(cidr);
  return kind === 'nodeSubnets' ? nodesInNodeSubnet(cidr) : Number.POSITIVE_INFINITY;
}

/** A default route covers everything and claims nothing; a name server must stay reachable however it is routed. */
function usedByOthers(
  { subnetsInUse, nameservers }: Pick<HostFacts, 'subnetsInUse' | 'nameservers'>,
  own: readonly (string | undefined)[],
): SubnetInUse[] {
  return [
    ...subnetsInUse.filter(
      ({ cidr, link }) => parseCidr(cidr).prefix > 0 && (link === '' || !own.includes(link)),
    ),
    ...nameservers.map((address) => ({
      cidr: `${address}/${familyOf(address) === 4 ? 32 : 128}`,
      usedBy: 'a name server',
      link: '',
    })),
  ];
}
