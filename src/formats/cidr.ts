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
    throw new KnestError(`"${text}" is not a subnet like 10.0.0.0/16`, { code: 'INVALID_INPUT' });
  const bits = width(address.family);
  const prefix = Number(match[2]);
  if (prefix > bits)
    throw new KnestError(`"${text}": the prefix is longer than /${bits}`, { code: 'INVALID_INPUT' });
  const hostMask = (1n << BigInt(bits - prefix)) - 1n;
  const network = address.value & ~hostMask;
  return {
    family: address.family,
    network,
    prefix,
    hostBits: network !== address.value,
    text: `${formatAddress(address.family, network)}/${prefix}`,
  };
}

/** Whether the text is an IPv4 or IPv6 address, without a prefix length or a scope. */
export function isAddress(text: string): boolean {
  return parseAddress(text) !== undefined;
}

/** An address as part of a URL: IPv6 is put in brackets. */
export function urlHost(address: string): string {
  return address.includes(':') ? `[${address}]` : address;
}

/** One address as a subnet: 10.0.0.7/32. */
export function asSubnet(address: string): string {
  return `${address}/${address.includes(':') ? 128 : 32}`;
}

/** Whether the two subnets share an address; subnets of different families never do. @throws KnestError */
export function overlaps(a: string, b: string): boolean {
  return meet(parseCidr(a), parseCidr(b));
}

/** The same for subnets that have been read: for comparing many. */
export function meet(a: Cidr, b: Cidr): boolean {
  if (a.family !== b.family) return false;
  const wider = a.prefix <= b.prefix ? a : b;
  return truncate(a, wider.prefix) === truncate(b, wider.prefix);
}

/** Whether an address ("10.0.0.7") or a whole subnet ("10.0.0.0/28") lies within a subnet. @throws KnestError */
export function contains(cidr: string, inner: string): boolean {
  const outer = parseCidr(cidr);
  const candidate = parseCidr(inner.includes('/') ? inner : asSubnet(inner));
  if (outer.family !== candidate.family || candidate.prefix < outer.prefix) return false;
  return truncate(candidate, outer.prefix) === truncate(outer, outer.prefix);
}

/**
 * The nth address of a subnet; 0 is the network address, -1 the last one (IPv4: broadcast).
 * @throws KnestError when the subnet has no such address.
 */
export function nthAddress(cidr: string, n: number): string {
  const subnet = parseCidr(cidr);
  const size = 1n << BigInt(width(subnet.family) - subnet.prefix);
  const offset = n < 0 ? size + BigInt(n) : BigInt(n);
  if (offset < 0n || offset >= size)
    throw new KnestError(`${subnet.text} has no address number ${n}`, { code: 'SUBNET_FULL' });
  return formatAddress(subnet.family, subnet.network + offset);
}

/**
 * The nth of the subnets that a subnet can be cut into, from 0; costs the same for every n.
 * @throws KnestError when there is none: the subnet is smaller than that, or n too large.
 */
export function nthSubnet(cidr: string, prefix: number, n: number): string {
  const subnet = parseCidr(cidr);
  if (prefix < subnet.prefix || prefix > width(subnet.family))
    throw new KnestError(`${subnet.text} holds no /${prefix} subnets`, { code: 'SUBNET_FULL' });
  if (n < 0 || BigInt(n) >= 1n << BigInt(prefix - subnet.prefix))
    throw new KnestError(`${subnet.text} has no /${prefix} subnet number ${n}`, { code: 'SUBNET_FULL' });
  const step = 1n << BigInt(width(subnet.family) - prefix);
  return `${formatAddress(subnet.family, subnet.network + BigInt(n) * step)}/${prefix}`;
}

/**
 * All subnets of the given prefix length within a subnet, in order. Lazy: IPv6 subnets have more than anyone can count.
 * @throws KnestError when the subnet is smaller than what it is to be cut into.
 */
export function* subnetsOf(cidr: string, prefix: number): Generator<string, void, undefined> {
  // refuses what can not be cut before anything is asked of it
  yield nthSubnet(cidr, prefix, 0);
  const count = 2 ** (prefix - parseCidr(cidr).prefix);
  for (let index = 1; index < count; index += 1) yield nthSubnet(cidr, prefix, index);
}

/** 4 or 6, of an address or a subnet; undefined when it is neither. */
export function familyOf(text: string): 4 | 6 | undefined {
  const [address = '', ...rest] = text.split('/');
  return rest.length > 1 ? undefined : parseAddress(address)?.family;
}

/** The one way to write an address: "fd00:0::1" is "fd00::1". undefined when it is none. */
export function canonicalAddress(text: string): string | undefined {
  const address = parseAddress(text);
  return address && formatAddress(address.family, address.value);
}

/** Bits of an address. */
function width(family: 4 | 6): 32 | 128 {
  return family === 4 ? 32 : 128;
}

/** An address as a number; undefined when the text is none. */
export function parseAddress(text: string): { family: 4 | 6; value: bigint } | undefined {
  const family = ipaddr.IPv4.isValidFourPartDecimal(text) ? 4 : ipaddr.IPv6.isValid(text) ? 6 : undefined;
  // A scope (fe80::1%eth0) names a link, not a subnet.
  if (family === undefined || text.includes('%')) return undefined;
  const bytes = ipaddr.parse(text).toByteArray();
  return { family, value: bytes.reduce((value, byte) => (value << 8n) | BigInt(byte), 0n) };
}

/** The one way to write the address with this number. */
export function formatAddress(family: 4 | 6, value: bigint): string {
  const length = family === 4 ? 4 : 16;
  const bytes = Array.from({ length }, (_, index) =>
    Number((value >> BigInt(8 * (length - 1 - index))) & 255n),
  );
  return ipaddr.fromByteArray(bytes).toString();
}

/** The first `prefix` bits of a subnet's network address. */
function truncate({ family, network }: Cidr, prefix: number): bigint {
  return network >> BigInt(width(family) - prefix);
}
