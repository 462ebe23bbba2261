/** Checks that the networks of a config fit together. */

import { defaults } from '../words.ts';
import type { Problem } from '../../errors.ts';
import { parseRange, rangesMeet } from '../../formats/address-range.ts';
import type { AddressRange } from '../../formats/address-range.ts';
import { overlaps, parseCidr } from '../../formats/cidr.ts';
import type { At } from '../problems.ts';
import type { Config } from '../schema.ts';
import { familyOf, podPrefixOfNode, subnetList } from '../subnets.ts';
import type { IpFamily } from '../types.ts';

type ValidConfig = Partial<Config>;

const keys = ['nodeSubnet', 'podSubnet', 'serviceSubnet'] as const;

const familyNames: Record<IpFamily, string> = { ipv4: 'IPv4', ipv6: 'IPv6', dual: 'IPv4 and IPv6' };

/** What the subnets of a config are, unless it says so itself: the families of the first that is given. */
export function ipFamilyOf({ network = {} }: ValidConfig): IpFamily {
  const [first] = givenSubnets({ network });
  return network.ipFamily ?? (first === undefined ? defaults.ipFamily : familyOf(first.text));
}

/** Families that differ, subnets or ranges that overlap, too little room for the nodes, policies that nobody can enforce. */
export function networkProblems(config: ValidConfig, at: At): Problem[] {
  return [
    ...familyProblems(config, at),
    ...overlappingSubnets(config, at),
    ...roomProblems(config, at),
    ...policyProblems(config, at),
    ...poolProblems(config, at),
  ];
}

function givenSubnets({ network = {} }: ValidConfig): { key: (typeof keys)[number]; text: string }[] {
  return keys.flatMap((key) => {
    const text = network[key];
    return text === undefined ? [] : [{ key, text }];
  });
}

function familyProblems(config: ValidConfig, at: At): Problem[] {
  const family = ipFamilyOf(config);
  const given = givenSubnets(config);
  const said = config.network?.ipFamily;
  const because = (first: (typeof keys)[number]) =>
    at(['network', said === undefined ? first : 'ipFamily']).path;
  return given
    .filter(({ text }) => familyOf(text) !== family)
    .map(({ key, text }) => ({
      ...at(['network', key]),
      message: `${text} is ${familyNames[familyOf(text)]}, but ${because(given[0]?.key ?? key)} is ${said ?? familyNames[family]}`,
      hint:
        family === 'dual'
          ? 'give two, IPv4 first: 10.0.0.0/16,fd00:10::/56'
          : 'give all subnets of the same families',
    }));
}

function overlappingSubnets(config: ValidConfig, at: At): Problem[] {
  const subnets = givenSubnets(config).flatMap(({ key, text }) =>
    subnetList(text).map((cidr) => ({ cidr, subject: at(['network', key]) })),
  );
  return subnets.flatMap((one, index) =>
    subnets
      .slice(index + 1)
      .filter((other) => overlaps(one.cidr, other.cidr))
      .map((other) => ({
        ...other.subject,
        message: `${other.cidr} overlaps ${one.subject.path} ${one.cidr}`,
      })),
  );
}

function roomProblems({ network = {}, nodes = [] }: ValidConfig, at: At): Problem[] {
  return (['nodeSubnet', 'podSubnet'] as const).flatMap((key) => {
    const text = network[key];
    return (text === undefined ? [] : subnetList(text))
      .filter((cidr) => room(key, cidr) < nodes.length)
      .map((cidr) => ({
        ...at(['network', key]),
        message: `${cidr} has room for ${room(key, cidr)} of ${nodes.length} nodes`,
        hint: 'give a larger one',
      }));
  });
}

function policyProblems({ network = {} }: ValidConfig, at: At): Problem[] {
  if (network.cni !== 'none' || network.networkPolicy !== true) return [];
  return [
    {
      ...at(['network', 'networkPolicy']),
      message: `is true, but ${at(['network', 'cni']).path} is none: only your network add-on knows its pods' addresses`,
      hint: 'leave it out; many add-ons enforce policies themselves',
    },
  ];
}

/** How many nodes fit. */
function room(key: 'nodeSubnet' | 'podSubnet', cidr: string): number {
  const subnet = parseCidr(cidr);
  const { prefix, family } = subnet;
  if (key === 'podSubnet') return 2 ** (podPrefixOfNode(subnet) - prefix);
  // without network (or anycast) address, bridge and API, and without broadcast
  return 2 ** ((family === 4 ? 32 : 128) - prefix) - (family === 4 ? 4 : 3);
}

/** Ranges of addresses for Services: of families that the cluster has, each address once. */
function poolProblems(config: ValidConfig, at: At): Problem[] {
  const family = ipFamilyOf(config);
  const ranges = (config.network?.loadBalancer?.addresses ?? []).map((text, index) => ({
    text,
    range: parseRange(text),
    subject: at(['network', 'loadBalancer', 'addresses', index]),
  }));
  const overlaps = overlapsOf(ranges);
  return ranges.flatMap(({ text, range, subject }, index) => {
    const other = overlaps.get(index);
    return [
      ...(family === 'dual' || family === `ipv${range.family}`
        ? []
        : [
            {
              ...subject,
              message: `${text} is IPv${range.family}, but the cluster is ${familyNames[family]}`,
            },
          ]),
      ...(other === undefined ? [] : [{ ...subject, message: `${text} overlaps ${other}` }]),
    ];
  });
}

/**
 * Which ranges overlap one that is written before them, and which: by their order, as comparing each with all others takes
 * minutes for a long list.
 */
function overlapsOf(ranges: readonly { text: string; range: AddressRange }[]): Map<number, string> {
  const inOrder = ranges
    .map(({ text, range }, index) => ({ text, range, index }))
    .sort(
      ({ range: a }, { range: b }) =>
        a.family - b.family || (a.first < b.first ? -1 : a.first > b.first ? 1 : 0),
    );
  const found = new Map<number, string>();
  let reaching: (typeof inOrder)[number] | undefined;
  for (const one of inOrder) {
    if (reaching && rangesMeet(reaching.range, one.range)) {
      const [before, after] = reaching.index < one.index ? [reaching, one] : [one, reaching];
      if (!found.has(after.index)) found.set(after.index, before.text);
    }
    if (reaching?.range.family !== one.range.family || reaching.range.last < one.range.last) reaching = one;
  }
  return found;
}
