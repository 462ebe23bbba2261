/** Subnets as text ("10.244.0.0/16"): reading, comparing and cutting them up. */

import ipaddr from 'ipaddr.js';
import { KnestError } from '../errors.ts';

export interface Cidr {
  family: 4 | 6;
  /** The network address, host bits cleared. */
  network: bigint;
  prefix: number;
  /** Whether the text named an address within the subnet and not the subnet itself: 10.0.0.1/24. */
  hostBits: boolean;
  /** Canonical: 10.0.0.0/24. */
  text: string;
}

/**
 * Reads an IPv4 or IPv6 CIDR. IPv4 must be four decimal numbers: "10.1/16" and "0x0a.0.0.0/8" are refused.
 * @throws KnestError (usage) when the text is no CIDR.
 */
export function parseCidr(text: string): Cidr {
  const match = /^([^/]+)\/(\d{1,3})$/.exec(text);
  const address = match?.[1] === undefined ? undefined : parseAddress(match[1]);
  if (!match || !address)
    throw new KnestError(`"${text}" is not a subnet like 10.0.0.0/16`, { kind: 'usage' });
  const width = address.family === 4 ? 32 : 128;
  const prefix = Number(match[2]);
  if (prefix > width)
    throw new KnestError(`"${text}": the prefix is longer than /${width}`, { kind: 'usage' });
  const hostMask = (1n << BigInt(width - prefix)) - 1n;
  const network = address.value & ~hostMask;
  return {
    family: address.family,
    network,
    prefix,
    hostBits: network !== address.value,
    text: `${formatAddress(address.family, network)}/${prefix}`,
  };
}

/** Whether the two subnets share an address; subnets of different families never do. @throws KnestError */
export function overlaps(a: string, b: string): boolean {
  const [first, second] = [parseCidr(a), parseCidr(b)];
  if (first.family !== second.family) return false;
  const wider = first.prefix <= second.prefix ? first : second;
  return truncate(first, wider.prefix) === truncate(second, wider.prefix);
}

/** Whether an address ("10.0.0.7") or a whole subnet ("10.0.0.0/28") lies within a subnet. @throws KnestError */
export function contains(cidr: string, inner: string): boolean {
  const outer = parseCidr(cidr);
  const candidate = parseCidr(inner.includes('/') ? inner : `${inner}/${inner.includes(':') ? 128 : 32}`);
  if (outer.family !== candidate.family || candidate.prefix < outer.prefix) return false;
  return truncate(candidate, outer.prefix) === truncate(outer, outer.prefix);
}

/**
 * The nth address of an IPv4 subnet; 0 is the network address, -1 the last one (broadcast).
 * @throws KnestError when the subnet is IPv6 or has no such address.
 */
export function nthAddress(cidr: string, n: number): string {
  const subnet = parseIpv4Cidr(cidr);
  const size = 2 ** (32 - subnet.prefix);
  const offset = n < 0 ? size + n : n;
  if (offset < 0 || offset >= size) throw new KnestError(`${subnet.text} has no address number ${n}`);
  return formatAddress(4, subnet.network + BigInt(offset));
}

/**
 * All IPv4 subnets of the given prefix length within a subnet, in order.
 * @throws KnestError when the subnet is IPv6 or smaller than what it is to be cut into.
 */
export function* subnetsOf(cidr: string, prefix: number): Generator<string, void, undefined> {
  const subnet = parseIpv4Cidr(cidr);
  if (prefix < subnet.prefix || prefix > 32)
    throw new KnestError(`${subnet.text} holds no /${prefix} subnets`);
  const count = 2 ** (prefix - subnet.prefix);
  const step = 1n << BigInt(32 - prefix);
  for (let index = 0; index < count; index += 1) {
    yield `${formatAddress(4, subnet.network + BigInt(index) * step)}/${prefix}`;
  }
}

function parseIpv4Cidr(text: string): Cidr {
  const cidr = parseCidr(text);
  if (cidr.family !== 4) throw new KnestError(`"${text}" is not an IPv4 subnet`, { kind: 'usage' });
  return cidr;
}

function parseAddress(text: string): { family: 4 | 6; value: bigint } | undefined {
  const family = ipaddr.IPv4.isValidFourPartDecimal(text) ? 4 : ipaddr.IPv6.isValid(text) ? 6 : undefined;
  // A scope (fe80::1%eth0) names a link, not a subnet.
  if (family === undefined || text.includes('%')) return undefined;
  const bytes = ipaddr.parse(text).toByteArray();
  return { family, value: bytes.reduce((value, byte) => (value << 8n) | BigInt(byte), 0n) };
}

function formatAddress(family: 4 | 6, value: bigint): string {
  const length = family === 4 ? 4 : 16;
  const bytes = Array.from({ length }, (_, index) =>
    Number((value >> BigInt(8 * (length - 1 - index))) & 255n),
  );
  return ipaddr.fromByteArray(bytes).toString();
}

/** The first `prefix` bits of a subnet's network address. */
function truncate({ family, network }: Cidr, prefix: number): bigint {
  return network >> BigInt((family === 4 ? 32 : 128) - prefix);
}
