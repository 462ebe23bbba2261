import { createHash } from 'node:crypto';

import type { HostPlan, PlannedCommand } from '../types.ts';

/** What makes one thing on the host and what takes it away again. Both may be run any number of times. */
export type HostCommands = Pick<HostPlan, 'setup' | 'teardown'>;

export interface BridgeOptions {
  cluster: string;
  bridge: string;
  /** The bridge's own address: the machines' gateway. */
  gateway: string;
  /** Of the node subnet. */
  prefixLength: number;
  /** What the host reaches through a machine: pod subnets, the service subnet. */
  routes: readonly { subnet: string; via: string }[];
}

/** `kn-<cluster>`, or a hash of the name where that is longer than a link's name may be (15, linux/if.h IFNAMSIZ). */
export function bridgeName(cluster: string): string {
  const plain = `kn-${cluster}`;
  return plain.length <= 15 ? plain : `kn-${digest(cluster).slice(0, 12)}`;
}

/** The bridge that a cluster's machines are plugged into, its address and the routes behind it (ip-link(8)). */
export function planBridge({ cluster, bridge, gateway, prefixLength, routes }: BridgeOptions): HostCommands {
  const setup: PlannedCommand[] = [
    {
      why: `the machines of ${cluster} are plugged into this bridge`,
      argv: ['ip', 'link', 'add', 'name', bridge, 'address', bridgeMac(cluster), 'type', 'bridge'],
      unless: ['ip', 'link', 'show', 'dev', bridge],
    },
    {
      why: 'IPv4 only: no link-local address, and no machine becomes a router of the host by advertising itself',
      argv: ['tee', `/proc/sys/net/ipv6/conf/${bridge}/disable_ipv6`],
      input: '1\n',
      // a kernel without IPv6 has no such file
      mayFail: true,
    },
    {
      why: `the gateway of the machines, and the ways to pods and services of ${cluster} from this host`,
      // one process for all of them (ip(8), -batch); it stops at the first that fails
      argv: ['ip', '-batch', '-'],
      input: [
        `address replace ${gateway}/${prefixLength} dev ${bridge}`,
        `link set dev ${bridge} up`,
        ...routes.map(({ subnet, via }) => `route replace ${subnet} via ${via} dev ${bridge}`),
        '',
      ].join('\n'),
    },
  ];
  const teardown: PlannedCommand[] = [
    {
      why: `the bridge of ${cluster}; its address and routes go with it`,
      argv: ['ip', 'link', 'delete', 'dev', bridge, 'type', 'bridge'],
      mayFail: true,
    },
  ];
  return { setup, teardown };
}

/**
 * Without an address of its own a bridge takes the lowest of its ports, so it changes when a machine comes or goes
 * and the others lose their gateway until their neighbour tables notice.
 */
function bridgeMac(cluster: string): string {
  // 02: locally administered, unicast
  return ['02', ...(digest(`bridge of ${cluster}`).slice(0, 10).match(/../g) ?? [])].join(':');
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
