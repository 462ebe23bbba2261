/** Peers and ports of a policy's rule as matches of nftables (nft(8)). */

import { contains } from '../../formats/cidr.ts';
import { header } from './collections.ts';
import type { Family, NameOfFamily } from './collections.ts';
import { protocols } from './records.ts';
import type { Peer, PolicyPort } from './records.ts';

export interface Match {
  text: string;
  /** undefined: both. */
  family: Family | undefined;
}

type Block = Extract<Peer, { cidr: string }>;

/** Where a packet comes from or goes to: any of these. @param pods set of addresses of peers that are pods */
export function addressMatches(
  field: 'saddr' | 'daddr',
  peers: readonly Peer[] | undefined,
  pods: NameOfFamily | undefined,
  families: readonly Family[],
): Match[] {
  if (!peers) return [{ text: '', family: undefined }];
  const blocks = peers.filter((peer) => 'cidr' in peer);
  return families.flatMap((family) => {
    const address = `${header[family]} ${field}`;
    const own = blocks.filter(({ cidr }) => familyOf(cidr) === family);
    const whole = own.filter(({ except }) => except.length === 0).map(({ cidr }) => cidr);
    const partial = own.filter(({ except }) => except.length > 0);
    const texts = [
      ...(pods ? [`${address} @${pods(family)}`] : []),
      // nft merges what overlaps
      ...(whole.length > 0 ? [`${address} { ${whole.join(', ')} }`] : []),
      ...partial.map(({ cidr, except }) => `${address} ${cidr} ${address} != { ${except.join(', ')} }`),
    ];
    return texts.map((text) => ({ text, family }));
  });
}

/** Which ports it goes to: any of these. Named ones are of the called pod and not among them. */
export function portMatches(ports: readonly PolicyPort[] | undefined): string[] {
  if (!ports) return [''];
  return protocols.flatMap((protocol) => {
    const own = ports.filter((port) => port.protocol === protocol).map(({ port }) => port);
    const name = protocol.toLowerCase();
    if (own.includes(undefined)) return [`meta l4proto ${name}`];
    const ranges = own.filter((port) => typeof port === 'object');
    const texts = ranges.map(({ first, last }) => (first === last ? `${first}` : `${first}-${last}`));
    return texts.length > 0 ? [`${name} dport { ${texts.join(', ')} }`] : [];
  });
}

export function isInBlock(address: string, { cidr, except }: Block): boolean {
  return contains(cidr, address) && !except.some((one) => contains(one, address));
}

function familyOf(cidr: string): Family {
  return cidr.includes(':') ? 6 : 4;
}
