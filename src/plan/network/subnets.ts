import { InputError, KnestError, type Problem } from '../../errors.ts';
import type { HostFacts, SubnetInUse } from '../../facts/types.ts';
import { overlaps, parseCidr, subnetsOf } from '../../formats/cidr.ts';
import type { ClusterSpec } from '../../spec/types.ts';

export interface ClusterSubnets {
  /** The bridge has the first address, machines follow. */
  nodeSubnet: string;
  /** Cut into a /24 per node. */
  podSubnet: string;
  serviceSubnet: string;
}

export interface SubnetOptions {
  /**
   * The cluster's own bridge: what already leads to it is not in the way. `create` after a `create` that was killed
   * must find the same subnets again.
   */
  ownBridge?: string;
}

/** Every node gets one of these. */
export const podPrefixOfNode = 24;

type Kind = keyof ClusterSubnets;

/**
 * Fills in the subnets that the spec leaves open, each with the first of knest's defaults that nothing on this host
 * uses, and checks those that it gives.
 * @throws InputError with a problem per given subnet that the host uses already or that has no room for the nodes.
 * @throws KnestError (preflight) when all defaults are taken.
 */
export function chooseSubnets(
  network: ClusterSpec['network'],
  facts: Pick<HostFacts, 'subnetsInUse' | 'nameservers'>,
  nodeCount: number,
  options: SubnetOptions = {},
): ClusterSubnets {
  const inUse = usedByOthers(facts, options.ownBridge);
  const problems = kinds.flatMap((kind) => {
    const given = network[kind];
    return given === undefined ? [] : problemsOf(kind, given, inUse, nodeCount);
  });
  if (problems.length > 0) throw new InputError('the cluster does not fit this host', problems);

  const taken: SubnetInUse[] = [...inUse];
  const chosen: Partial<ClusterSubnets> = {};
  // what the user gave comes first: the defaults make way for it
  const inOrder = [...kinds].sort(
    (a, b) => Number(network[a] === undefined) - Number(network[b] === undefined),
  );
  for (const kind of inOrder) {
    const given = network[kind];
    const cidr = given === undefined ? firstFree(kind, taken, nodeCount) : parseCidr(given).text;
    chosen[kind] = cidr;
    taken.push({ cidr, usedBy: `network.${kind}`, link: '' });
  }
  const { nodeSubnet = '', podSubnet = '', serviceSubnet = '' } = chosen;
  return { nodeSubnet, podSubnet, serviceSubnet };
}

const kinds: readonly Kind[] = ['nodeSubnet', 'podSubnet', 'serviceSubnet'];

/**
 * Defaults in the order in which they are tried: kind and flannel taught people 10.244 and 10.96. The last of each
 * are for hosts whose VPN claims all of 10.0.0.0/8; Docker's own begin at 172.17, libvirt's at 192.168.122.
 */
const defaults: Record<Kind, readonly { from: string; prefix: number }[]> = {
  nodeSubnet: [
    { from: '10.89.0.0/16', prefix: 24 },
    { from: '172.31.0.0/16', prefix: 24 },
    { from: '192.168.200.0/21', prefix: 24 },
  ],
  podSubnet: [
    { from: '10.244.0.0/14', prefix: 16 },
    { from: '172.28.0.0/15', prefix: 16 },
    { from: '192.168.208.0/20', prefix: 20 },
  ],
  serviceSubnet: [
    { from: '10.96.0.0/13', prefix: 16 },
    { from: '172.30.0.0/16', prefix: 16 },
    { from: '192.168.224.0/20', prefix: 20 },
  ],
};

function firstFree(kind: Kind, taken: readonly SubnetInUse[], nodeCount: number): string {
  for (const { from, prefix } of defaults[kind]) {
    for (const candidate of subnetsOf(from, prefix)) {
      if (room(kind, candidate) >= nodeCount && !taken.some(({ cidr }) => overlaps(cidr, candidate)))
        return candidate;
    }
  }
  throw new KnestError(`none of the default subnets for network.${kind} is free on this host`, {
    kind: 'preflight',
    hint: `choose one yourself: network.${kind} in the configuration`,
    details: taken.map(({ cidr, usedBy }) => `${cidr}: ${usedBy}`),
  });
}

function problemsOf(kind: Kind, given: string, inUse: readonly SubnetInUse[], nodeCount: number): Problem[] {
  const path = `network.${kind}`;
  const clash = inUse.find(({ cidr }) => overlaps(cidr, given));
  const fits = room(kind, given);
  return [
    ...(clash
      ? [
          {
            path,
            message: `${given} overlaps ${clash.cidr}, ${clash.usedBy} on this host`,
            hint: 'choose another one, or leave it out and knest finds one that is free',
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
  const { prefix } = parseCidr(cidr);
  if (kind === 'podSubnet') return prefix > podPrefixOfNode ? 0 : 2 ** (podPrefixOfNode - prefix);
  // without network address, bridge and broadcast
  if (kind === 'nodeSubnet') return Math.max(0, 2 ** (32 - prefix) - 3);
  return Number.POSITIVE_INFINITY;
}

/** A default route covers everything and claims nothing; a name server must stay reachable however it is routed. */
function usedByOthers(
  { subnetsInUse, nameservers }: Pick<HostFacts, 'subnetsInUse' | 'nameservers'>,
  ownBridge: string | undefined,
): SubnetInUse[] {
  return [
    ...subnetsInUse.filter(
      ({ cidr, link }) => parseCidr(cidr).prefix > 0 && (link === '' || link !== ownBridge),
    ),
    ...nameservers
      .filter((address) => !address.includes(':'))
      .map((address) => ({ cidr: `${address}/32`, usedBy: 'a name server', link: '' })),
  ];
}
