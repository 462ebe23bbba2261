/** Domain names as text ("web.shop.svc.cluster.local", lower case, no dot at the end) and addresses within them. */

import ipaddr from 'ipaddr.js';

/** RFC 4343: names are compared without regard to case. */
export function canonicalName(name: string): string {
  return name.replace(/\.$/, '').toLowerCase();
}

/** What stands in front of a zone: "web.shop.svc" of "web.shop.svc.cluster.local". Undefined: not in that zone. */
export function below(name: string, zone: string): string | undefined {
  if (name === zone) return '';
  return name.endsWith(`.${zone}`) ? name.slice(0, -zone.length - 1) : undefined;
}

/** "10.96.0.1" of "1.0.96.10.in-addr.arpa", IPv6 of ip6.arpa alike. Undefined: not the name of a whole address. */
export function addressOfReverse(name: string): string | undefined {
  const v4 = below(name, 'in-addr.arpa');
  if (v4 !== undefined) return canonicalAddress(v4.split('.').reverse().join('.'), 4);
  const nibbles = below(name, 'ip6.arpa')?.split('.').reverse();
  if (nibbles?.length !== 32 || !nibbles.every((nibble) => /^[\da-f]$/.test(nibble))) return undefined;
  return canonicalAddress((nibbles.join('').match(/.{4}/g) ?? []).join(':'), 6);
}

/** The name under which an address is asked for: "1.0.96.10.in-addr.arpa". @throws Error for no address */
export function reverseName(address: string): string {
  const bytes = ipaddr.parse(address).toByteArray();
  if (bytes.length === 4) return `${bytes.reverse().join('.')}.in-addr.arpa`;
  const nibbles = bytes.flatMap((byte) => [byte >> 4, byte & 15]).map((nibble) => nibble.toString(16));
  return `${nibbles.reverse().join('.')}.ip6.arpa`;
}

/** A label that stands for an address: "10-244-0-7", "2001-db8--7". */
export function dashed(address: string): string {
  return address.replaceAll(/[.:]/g, '-');
}

/** The address of such a label. */
export function undashed(label: string): string | undefined {
  return canonicalAddress(label.replaceAll('-', '.'), 4) ?? canonicalAddress(label.replaceAll('-', ':'), 6);
}

/** The family of an address. */
export function familyOf(address: string): 4 | 6 {
  return address.includes(':') ? 6 : 4;
}

/** One way to write each address, or undefined when it is none of that family. */
export function canonicalAddress(text: string, family: 4 | 6): string | undefined {
  if (family === 4) return ipaddr.IPv4.isValidFourPartDecimal(text) ? text : undefined;
  return ipaddr.IPv6.isValid(text) && !text.includes('.') ? ipaddr.IPv6.parse(text).toString() : undefined;
}
