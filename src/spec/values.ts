/** What single values of a spec must look like. Each check gives what is wrong, or undefined when all is well. */

import { contains, overlaps, parseCidr } from '../formats/cidr.ts';
import { didYouMean } from './suggest.ts';

/** Longest cluster name: machine names are made from it, and host names end at 63 characters. */
export const maximumNameLength = 40;

const sourceWords = ['auto', 'release', 'debian'] as const;

/** Prefix lengths that a subnet may have, from the largest subnet to the smallest. */
export interface PrefixRange {
  largest: number;
  smallest: number;
  /** Why not smaller, for the message. */
  reason: string;
}

export const nodePrefixes: PrefixRange = { largest: 8, smallest: 28, reason: 'every node needs an address' };
export const podPrefixes: PrefixRange = { largest: 8, smallest: 22, reason: 'every node needs a /24 of it' };
/** kube-apiserver refuses service ranges of more than 20 bits (--service-cluster-ip-range). */
export const servicePrefixes: PrefixRange = {
  largest: 12,
  smallest: 24,
  reason: 'every service needs an address',
};

/** RFC 1123 label. */
export const namePattern = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;

export const versionPattern = /^v?(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-(alpha|beta|rc)\.\d+)?$/;

export function nameProblem(name: string): string | undefined {
  if (name === '') return 'must not be empty';
  if (name.length > maximumNameLength) {
    return `is ${name.length} characters long; at most ${maximumNameLength} fit, because machine names are made from it`;
  }
  if (namePattern.test(name)) return undefined;
  return `"${name}" must be lower-case letters, digits and "-", beginning and ending with a letter or digit`;
}

export function versionProblem(version: string): string | undefined {
  if (versionPattern.test(version)) return undefined;
  return `"${version}" is not a whole Kubernetes version like v1.20.2`;
}

/** "1.20.2" and "v1.20.2" are the same version; Kubernetes itself says "v1.20.2". */
export function normalizeVersion(version: string): string {
  return version.startsWith('v') ? version : `v${version}`;
}

export function sourceProblem(source: string): string | undefined {
  if (source.startsWith('/') || sourceWords.some((word) => word === source)) return undefined;
  const words = `must be ${sourceWords.join(', ')} or the absolute path of a directory of binaries`;
  const suggestion = didYouMean(source, sourceWords);
  return `"${source}" ${words}${suggestion ? `; ${suggestion}` : ''}`;
}

export function suiteProblem(suite: string): string | undefined {
  if (/^[a-z][a-z0-9-]*$/.test(suite)) return undefined;
  return `"${suite}" is not the name of a Debian suite like trixie`;
}

export function urlProblem(text: string): string | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !['http:', 'https:'].includes(url.protocol)) return `"${text}" is not an http or https URL`;
  if (url.search || url.hash) return `"${text}" must end with its path: no "?" and no "#"`;
  return undefined;
}

/** "https://mirror/" and "https://mirror" are the same place. */
export function normalizeUrl(url: string): string {
  return url.replace(/\/+$/, '');
}

/** Ranges that no cluster can use: their addresses never leave a host or never name one. */
const unusable: readonly (readonly [cidr: string, name: string])[] = [
  ['0.0.0.0/8', '"this network" (0.0.0.0/8)'],
  ['127.0.0.0/8', 'loopback (127.0.0.0/8)'],
  ['169.254.0.0/16', 'link-local (169.254.0.0/16)'],
  ['224.0.0.0/4', 'multicast (224.0.0.0/4)'],
  ['240.0.0.0/4', 'reserved (240.0.0.0/4)'],
];

export function subnetProblem(text: string, range: PrefixRange): string | undefined {
  const cidr = tryParseCidr(text);
  if (!cidr) return `"${text}" is not an IPv4 subnet like 10.0.0.0/16`;
  if (cidr.family === 6) return `"${text}" is IPv6: only IPv4 subnets are supported so far`;
  if (cidr.hostBits) return `"${text}" is an address within a subnet; the subnet is ${cidr.text}`;
  if (cidr.prefix > range.smallest) {
    return `"${text}" is too small: at most /${range.smallest}, because ${range.reason}`;
  }
  const bad = unusable.find(([block]) => overlaps(block, text));
  if (bad)
    return `"${text}" ${contains(bad[0], text) ? 'lies in' : 'contains'} ${bad[1]}, which no cluster can use`;
  if (cidr.prefix < range.largest) return `"${text}" is too large: at least /${range.largest}`;
  return undefined;
}

function tryParseCidr(text: string): ReturnType<typeof parseCidr> | undefined {
  try {
    return parseCidr(text);
  } catch {
    return undefined;
  }
}
