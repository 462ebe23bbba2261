/** Subnets as kind and kubeadm take them, as knest wants them: the subnet itself, and IPv4 first. */

import { parseCidr } from '../../formats/cidr.ts';
import type { Path } from '../problems.ts';
import { subnetList } from '../subnets.ts';
import type { Draft } from './draft.ts';

/** What kind uses for the family that is not given (kind: pkg/apis/config/v1alpha4/default.go). */
const kindSubnets = {
  podSubnet: { ipv4: '10.244.0.0/16', ipv6: 'fd00:10:244::/56' },
  serviceSubnet: { ipv4: '10.96.0.0/16', ipv6: 'fd00:10:96::/112' },
} as const;

/**
 * Sets a subnet of the network. What is none stays as it is: it is refused where all configs are checked.
 * @param origin where it is in kind's file
 */
export function setSubnet(key: keyof typeof kindSubnets, value: unknown, origin: Path, draft: Draft): void {
  const subnets =
    typeof value === 'string' ? bothFamilies(key, wholeSubnets(value, origin, draft), origin, draft) : value;
  draft.set(['network', key], subnets, origin);
}

/** 10.76.0.0/12 is 10.64.0.0/12 for whoever reads it with Go's net.ParseCIDR: kind, kubeadm, Kubernetes. */
function wholeSubnets(text: string, origin: Path, draft: Draft): string {
  const whole = subnetList(text).map((part) => {
    const subnet = subnetOf(part);
    if (subnet === undefined || subnet === part) return part;
    draft.warn(origin, `"${part}" is an address within a subnet; taken as ${subnet}, as kind does`);
    return subnet;
  });
  return whole.join(',');
}

/** The subnet that an address with a prefix length is in; undefined when the text has it, or is none. */
function subnetOf(part: string): string | undefined {
  try {
    const { hostBits, text } = parseCidr(part);
    return hostBits ? text : undefined;
  } catch {
    return undefined;
  }
}

/** For dual stack kind takes one subnet, or two in any order; knest wants two, IPv4 first. */
function bothFamilies(key: keyof typeof kindSubnets, text: string, origin: Path, draft: Draft): string {
  if (draft.get(['network', 'ipFamily']) !== 'dual') return text;
  const [first = '', second] = subnetList(text);
  const isIpv6 = first.includes(':');
  if (second === undefined) {
    const other = kindSubnets[key][isIpv6 ? 'ipv4' : 'ipv6'];
    draft.warn(origin, `names one subnet of two; the other one is ${other}, kind's default`);
    return isIpv6 ? `${other},${first}` : `${first},${other}`;
  }
  if (!isIpv6 || second.includes(':')) return text;
  draft.warn(
    origin,
    'IPv4 comes first in clusters of knest: Services get an IPv4 address unless they ask for another',
  );
  return `${second},${first}`;
}
