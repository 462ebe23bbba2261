import { familyOf } from '../../formats/cidr.ts';
import type { PlannedCommand, PlannedPort } from '../types.ts';
import type { NetworkSetupOptions } from './types.ts';
import type { Family } from './node-addresses.ts';
import { isLoopback } from './ports.ts';

/** One port of the host in one family, and what it leads to. */
export interface Forwarding {
  family: Family;
  protocol: PlannedPort['protocol'];
  /** undefined: every address of the host in this family. */
  listenAddress: string | undefined;
  hostPort: number;
  target: string;
  machinePort: number;
}

/** Where the host's ports lead: a machine's to the machine, in each family in which both have an address. */
export function forwardingsOf(options: NetworkSetupOptions): Forwarding[] {
  const { machines, apiPort, registryPort, apiAddress } = options;
  return [
    ...machines.flatMap(({ ports, addresses }) =>
      ports.flatMap((port) => addresses.flatMap(({ address }) => forward(port, address))),
    ),
    ...(apiPort ? forward(apiPort, apiAddress) : []),
    ...(registryPort ? forward(registryPort, apiAddress) : []),
  ];
}

function forward(
  { protocol, listenAddress, hostPort, machinePort }: PlannedPort,
  target: string,
): Forwarding[] {
  const family = familyOf(target);
  if (family === undefined || (listenAddress !== undefined && familyOf(listenAddress) !== family)) return [];
  const isEvery = listenAddress === '0.0.0.0' || listenAddress === '::';
  return [
    {
      family,
      protocol,
      listenAddress: isEvery ? undefined : listenAddress,
      hostPort,
      target,
      machinePort,
    },
  ];
}

/** An address with a port, as DNAT wants it: IPv6 in brackets. */
export function destinationOf({ family, target, machinePort }: Forwarding): string {
  return `${family === 6 ? `[${target}]` : target}:${machinePort}`;
}

/** Whether 127.0.0.1 leads into a machine. */
export function usesLoopback(forwardings: readonly Forwarding[]): boolean {
  return forwardings.some(
    ({ family, listenAddress }) => family === 4 && (listenAddress === undefined || isLoopback(listenAddress)),
  );
}

/**
 * Who calls a machine by 127.0.0.1 does so from 127.0.0.1: Linux only lets that out by a link, and answers in, that has
 * route_localnet (kernel.org, networking/ip-sysctl). On our own bridge alone, and only while rules keep its machines
 * from using it to reach what listens on the host's loopback (as in CVE-2020-8558): `before` and `after` these rules.
 */
export function planLoopback(options: NetworkSetupOptions): Record<'before' | 'after', PlannedCommand[]> {
  const { bridge, nodeSubnets } = options;
  const set = (value: 0 | 1, why: string): PlannedCommand => ({
    why,
    argv: ['tee', `/proc/sys/net/ipv4/conf/${bridge}/route_localnet`],
    input: `${value}\n`,
  });
  if (!nodeSubnets.some((subnet) => familyOf(subnet) === 4)) return { before: [], after: [] };
  return usesLoopback(forwardingsOf(options))
    ? {
        before: [],
        after: [set(1, 'ports of 127.0.0.1 lead into machines: its packets may leave by this bridge')],
      }
    : { before: [set(0, 'no port of 127.0.0.1 leads into a machine (any more)')], after: [] };
}
