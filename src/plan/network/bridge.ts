import { createHash } from 'node:crypto';

import { asSubnet, familyOf, parseCidr } from '../../formats/cidr.ts';
import type { PlannedCommand } from '../types.ts';
import type { HostCommands, HostLan, NetworkSetupOptions } from './types.ts';
import { subnetsBeside } from './load-balancer.ts';
import { gatewayOf, type Family } from './node-addresses.ts';

/** `kn-<cluster>`, or a hash of the name where that is longer than a link's name may be (15, linux/if.h IFNAMSIZ). */
export function bridgeName(cluster: string): string {
  const plain = `kn-${cluster}`;
  return plain.length <= 15 ? plain : `kn-${digest(cluster).slice(0, 12)}`;
}

/** The bridge that a cluster's machines are plugged into, its addresses and the routes behind it (ip-link(8)). */
export function planBridge(options: NetworkSetupOptions): HostCommands {
  const { cluster, bridge, nodeSubnets, lan } = options;
  const setup: PlannedCommand[] = [
    {
      why:
        lan === undefined
          ? `the machines of ${cluster} are plugged into this bridge`
          : `this host reaches the machines of ${cluster} by this link, and not by ${lan.parent} itself`,
      argv: ['ip', 'link', 'add', ...linkArguments(options)],
      unless: ['ip', 'link', 'show', 'dev', bridge],
    },
    ...(lan === undefined ? [] : [planArp(lan, bridge)]),
    planIpv6(options),
    ...nodeSubnets.map((nodeSubnet) => planAddressAndRoutes(nodeSubnet, options)),
    ...(lan === undefined ? [planPorts(options)] : []),
  ];
  const teardown: PlannedCommand[] = [
    {
      why: `the bridge of ${cluster}; its addresses and routes go with it`,
      argv: ['ip', 'link', 'delete', 'dev', bridge, 'type', lan === undefined ? 'bridge' : 'macvlan'],
      mayFail: true,
    },
  ];
  return { setup, teardown };
}

/** systemd-nspawn plugs a machine in when it starts. With a bridge that somebody deletes, all of them are out. */
function planPorts({ bridge, machines }: NetworkSetupOptions): PlannedCommand {
  const plugIn =
    'for port in "$@"; do ! ip link show dev "$port" > /dev/null 2>&1 || ip link set dev "$port" master "$0"; done';
  return {
    why: 'machines that run are plugged in, also when the bridge is a new one',
    argv: ['sh', '-c', plugIn, bridge, ...machines.map(({ name }) => `vb-${name}`)],
    mayFail: true,
  };
}

/**
 * Between a macvlan link and the link that it is on the kernel passes nothing, so on a LAN the host talks to its nodes
 * by a macvlan link of its own, with the first address of the node subnet, or with DHCP a link-local one (ip-link(8),
 * macvlan).
 */
function linkArguments({ cluster, bridge, lan }: NetworkSetupOptions): string[] {
  return lan === undefined
    ? ['name', bridge, 'address', bridgeMac(cluster), 'type', 'bridge']
    : ['name', bridge, 'link', lan.parent, 'address', lan.mac, 'type', 'macvlan', 'mode', 'bridge'];
}

/**
 * Linux answers ARP for any of its addresses on any link: the rest of the LAN would find this host at two MAC addresses
 * in turn, and with strict rp_filter get no answer at one of them (kernel.org, networking/ip-sysctl, arp_filter).
 */
function planArp({ parent }: HostLan, bridge: string): PlannedCommand {
  return {
    why: `only machines are told that this host is behind ${bridge}; the rest of the LAN finds it behind ${parent}`,
    argv: ['tee', `/proc/sys/net/ipv4/conf/${bridge}/arp_filter`],
    input: '1\n',
  };
}

/** In either case no machine becomes a router of the host by advertising itself. */
function planIpv6({ bridge, nodeSubnets }: NetworkSetupOptions): PlannedCommand {
  const files = (...names: readonly string[]) =>
    names.map((name) => `/proc/sys/net/ipv6/conf/${bridge}/${name}`);
  if (!nodeSubnets.some((subnet) => familyOf(subnet) === 6)) {
    return {
      why: 'IPv4 only: no link-local address, and nobody is listened to who says to be a router',
      argv: ['tee', ...files('disable_ipv6')],
      input: '1\n',
      // a kernel without IPv6 has no such file
      mayFail: true,
    };
  }
  return {
    why: 'nobody is listened to who says to be a router, and addresses can be used at once (without accept_dad)',
    argv: ['tee', ...files('accept_ra', 'accept_dad', 'disable_ipv6')],
    input: '0\n',
  };
}

/**
 * Protocol numbers of our routes (ip-route(8): those from 5 on are for administrators and routing daemons), by which
 * they are found again. The second marks those that stand in while the first ones are exchanged.
 */
const ours = 89;
const standIn = 88;

/**
 * The bridge's address in one family and all routes behind it, by one process (ip(8), -batch; it stops at the first
 * line that fails).
 *
 * Routes of nodes that are gone must go, and which those are a plan can't know: so all are made anew. Flushing first
 * would send what is under way to pods out by the default route for a moment. So the same routes are laid beside
 * those that are there with a worse metric, and carry the traffic meanwhile: there is a way at every moment.
 */
function planAddressAndRoutes(nodeSubnet: string, options: NetworkSetupOptions): PlannedCommand {
  const { cluster, bridge, lan } = options;
  const { family, prefix } = parseCidr(nodeSubnet);
  const linkLocal = lan?.linkLocal;
  const routes =
    linkLocal === undefined
      ? [
          ...routesOf(family, options).map(({ subnet, via }) => `${subnet} via ${via} dev ${bridge}`),
          // on a LAN, where the way by the host's own link leads past the machines
          ...subnetsBeside(options.nodeSubnets, options.loadBalancer ?? [])
            .filter((subnet) => familyOf(subnet) === family)
            .map((subnet) => `${subnet} dev ${bridge}`),
        ]
      : routesToLan(bridge, linkLocal, options);
  // duplicate address detection takes a second or two; on our own bridge nobody else has the address
  const address =
    linkLocal === undefined
      ? `${gatewayOf(nodeSubnet)}/${prefix} dev ${bridge}${family === 6 ? ' nodad' : ''}`
      : `${asSubnet(linkLocal)} dev ${bridge}`;
  return {
    why: `the IPv${family} gateway of the machines, and the ways to pods and services of ${cluster} from this host`,
    argv: ['ip', `-${family}`, '-batch', '-'],
    input: [
      `address replace ${address}`,
      `link set dev ${bridge} up`,
      '# stand-ins, so that none is missed while all are made anew',
      ...routes.map((route) => `route replace ${route} proto ${standIn} metric 4096`),
      `route flush dev ${bridge} proto ${ours}`,
      ...routes.map((route) => `route replace ${route} proto ${ours}`),
      `route flush dev ${bridge} proto ${standIn}`,
      '',
    ].join('\n'),
  };
}

/**
 * The rest of the LAN is behind another link, so there is a route to each machine. `src`: machines know the way to this
 * link's own address.
 */
function routesToLan(bridge: string, linkLocal: string, options: NetworkSetupOptions): string[] {
  const { machines, apiAddress, loadBalancer = [] } = options;
  const nodes = new Set([
    ...machines.flatMap(({ addresses }) => addresses.map(({ address }) => address)),
    apiAddress,
  ]);
  const subnets = [...[...nodes].map(asSubnet), ...subnetsBeside([], loadBalancer)];
  return [
    ...subnets.map((subnet) => `${subnet} dev ${bridge} scope link src ${linkLocal}`),
    ...routesOf(4, options).map(
      ({ subnet, via }) => `${subnet} via ${via} dev ${bridge} onlink src ${linkLocal}`,
    ),
  ];
}

/** To each machine's pods through the machine; to services through whoever has the API's address. */
function routesOf(
  family: Family,
  { machines, serviceSubnets, apiAddress }: NetworkSetupOptions,
): { subnet: string; via: string }[] {
  const isOfFamily = (text: string) => familyOf(text) === family;
  const ofMachines = machines.flatMap(({ addresses, podSubnets }) => {
    const via = addresses.map(({ address }) => address).find(isOfFamily);
    return via === undefined ? [] : podSubnets.filter(isOfFamily).map((subnet) => ({ subnet, via }));
  });
  // the API has an address of the first family only
  const controlPlane = machines
    .find(({ role }) => role === 'control-plane')
    ?.addresses.map(({ address }) => address)
    .find(isOfFamily);
  const serviceVia = isOfFamily(apiAddress) ? apiAddress : controlPlane;
  const ofServices =
    serviceVia === undefined
      ? []
      : serviceSubnets.filter(isOfFamily).map((subnet) => ({ subnet, via: serviceVia }));
  return [...ofMachines, ...ofServices];
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
