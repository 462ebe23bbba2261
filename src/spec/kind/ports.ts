/** Ports of the host that lead into a node, as kind has them. */

import { canonicalAddress } from '../../formats/cidr.ts';
import type { Path } from '../problems.ts';
import type { Draft } from './draft.ts';
import type { KindNode } from './schema.ts';
import { given } from './values.ts';

type KindPort = NonNullable<KindNode['extraPortMappings']>[number];

/** A mapping in knest's words, and which of kind's list it is. */
export interface ReadPort {
  mapping: Record<string, unknown>;
  index: number;
}

/**
 * ::1, where Docker's proxy listens, cannot lead into a machine. Who asks for it wants "localhost", which is 127.0.0.1 as
 * well: that takes its place, unless it is there already.
 * @param path of the node's mappings in kind's file
 */
export function readPorts(ports: readonly KindPort[], path: Path, draft: Draft): ReadPort[] {
  // of a cluster without IPv4 127.0.0.1 is no better: ::1 is refused where the host's addresses are known
  const hasIpv4 = draft.get(['network', 'ipFamily']) !== 'ipv6';
  return ports.flatMap((port, index): ReadPort[] => {
    if (!hasIpv4 || !isLoopback(port)) return [{ mapping: mappingOf(port), index }];
    const why = 'Linux never lets packets of the IPv6 loopback leave it';
    const origin = [...path, index, 'listenAddress'];
    if (ports.some((other) => leadsTheSame(other, port))) {
      draft.warn(origin, `::1 is left out: ${why}; 127.0.0.1 leads to the same port`);
      return [];
    }
    draft.warn(origin, `::1 becomes 127.0.0.1: ${why}`);
    return [{ mapping: mappingOf({ ...port, listenAddress: '127.0.0.1' }), index }];
  });
}

function isLoopback({ listenAddress = '' }: KindPort): boolean {
  return canonicalAddress(listenAddress) === '::1';
}

/** Whether a mapping has the other's port of the host on 127.0.0.1. */
function leadsTheSame(one: KindPort, other: KindPort): boolean {
  const key = ({ hostPort, containerPort, protocol }: KindPort) =>
    `${hostPort ?? 0} ${containerPort ?? ''} ${(given(protocol) ?? 'TCP').toUpperCase()}`;
  const address = given(one.listenAddress) ?? '0.0.0.0';
  return isGivenPort(one) && key(one) === key(other) && ['127.0.0.1', '0.0.0.0'].includes(address);
}

/** 0 and -1: any port. */
function isGivenPort({ hostPort = 0 }: KindPort): boolean {
  return hostPort !== 0 && hostPort !== -1;
}

function mappingOf(port: KindPort): Record<string, unknown> {
  const { containerPort, hostPort, listenAddress, protocol } = port;
  return {
    ...(containerPort !== undefined && { containerPort }),
    ...(isGivenPort(port) && { hostPort }),
    ...(given(listenAddress) !== undefined && { listenAddress }),
    ...(given(protocol) !== undefined && { protocol: protocol?.toUpperCase() }),
  };
}
