import { asSubnet } from '../../formats/cidr.ts';
import { renderUnit } from '../../formats/systemd-unit.ts';
import type { PlannedCommand } from '../types.ts';
import type { ClusterContext, Component, MachineContext } from './component.ts';
import { nodeLink, nothing } from './component.ts';

/** A node's addresses, and the ways to the pods of all others; systemd-networkd sets them. */
export const nodeNetwork: Component = (machine, cluster) =>
  // where it is the host's, the host has set it up
  cluster.spec.network.mode === 'host' ? nothing : ownNetwork(machine, cluster);

const ownNetwork: Component = (machine, cluster) => ({
  ...nothing,
  files: [
    {
      path: `/etc/systemd/network/10-${nodeLink}.network`,
      mode: 0o644,
      content: { text: networkFile(machine, cluster) },
    },
    { path: '/etc/systemd/networkd.conf.d/10-knest.conf', mode: 0o644, content: { text: networkd } },
    {
      path: '/etc/systemd/system/multi-user.target.wants/systemd-networkd.service',
      mode: 0o777,
      content: { link: '/lib/systemd/system/systemd-networkd.service' },
    },
  ],
  liveCommands: liveCommands(machine, cluster),
});

const networkd = renderUnit(
  // pods' routes and rules belong to CNI plugins and kube-proxy
  { Network: { ManageForeignRoutes: 'no', ManageForeignRoutingPolicyRules: 'no' } },
);

/**
 * Marks routes to other nodes' pods, so that they can be replaced as a whole (ip-route(8), "protocol": a number; those
 * from 5 on are the administrator's).
 */
const routeProtocol = 89;

/** systemd.network(5) */
function networkFile(machine: MachineContext, cluster: ClusterContext): string {
  const { addresses } = machine;
  const leased = machine.lan?.lease !== undefined;
  const link = {
    Match: { Name: nodeLink },
    Network: leased
      ? { DHCP: 'ipv4', LinkLocalAddressing: 'no', IPv6AcceptRA: 'no' }
      : {
          Address: addresses.map(({ address, prefixLength }) => `${address}/${prefixLength}`),
          Gateway: addresses.map(({ gateway }) => gateway).filter((gateway) => gateway !== ''),
          DHCP: 'no',
          LinkLocalAddressing: addresses.some(({ address }) => isIpv6(address)) ? 'ipv6' : 'no',
          IPv6AcceptRA: 'no',
          // all addresses are planned: asking first whether somebody else has them takes a second or two
          IPv6DuplicateAddressDetection: '0',
        },
  };
  // A lone control plane has the API's address for good; several hand it over (api-address.ts). Without a preferred
  // lifetime it is never the machine's own address when the machine calls others.
  const apiAddress = keepsApiAddress(machine, cluster)
    ? [{ Address: asSubnet(cluster.apiAddress), PreferredLifetime: '0', DuplicateAddressDetection: 'none' }]
    : [];
  const routes = [
    // components look for a cloud there, for 5 to 6 s, unless they are told at once that there is none
    { Destination: '169.254.169.254/32', Type: 'unreachable' },
    ...(cluster.hostLink === undefined
      ? []
      : [{ Destination: asSubnet(cluster.hostLink), Scope: 'link', Protocol: String(routeProtocol) }]),
    ...peerRoutes(machine, cluster).map(({ subnet, via }) => ({
      Destination: subnet,
      Gateway: via,
      // the address that leads there comes later, with the lease
      ...(leased ? { GatewayOnLink: 'yes' } : {}),
      Protocol: String(routeProtocol),
    })),
  ];
  return [
    renderUnit({ ...link, ...(leased ? { DHCPv4: dhcpClient } : {}) }),
    ...apiAddress.map((address) => renderUnit({ Address: address })),
    ...routes.map((route) => renderUnit({ Route: route })),
  ].join('\n');
}

/**
 * The same client, to a DHCP server, as the one that asked for this machine's address before it was made: same MAC
 * address, same identifier. The address is kept while the machine is off. Name servers are in /etc/resolv.conf.
 */
const dhcpClient = {
  ClientIdentifier: 'mac',
  SendRelease: 'no',
  UseDNS: 'no',
  UseDomains: 'no',
  UseNTP: 'no',
  UseHostname: 'no',
};

/**
 * What a running machine is told when nodes come or go; networkd's file says the same for the next start. networkd
 * itself would take addresses away and give them back. While a route is missing, the way through the host works.
 */
function liveCommands(machine: MachineContext, cluster: ClusterContext): PlannedCommand[] {
  const routes = peerRoutes(machine, cluster);
  const apiAddress = keepsApiAddress(machine, cluster) ? [cluster.apiAddress] : [];
  return machine.addresses.map(({ address }) => {
    const ofFamily = (other: string): boolean => isIpv6(other) === isIpv6(address);
    return {
      why: 'routes to the pods of other nodes',
      argv: ['ip', isIpv6(address) ? '-6' : '-4', '-batch', '-'],
      input: [
        `route flush dev ${nodeLink} proto ${routeProtocol}`,
        ...[cluster.hostLink ?? []]
          .flat()
          .filter(ofFamily)
          .map((one) => `route replace ${asSubnet(one)} dev ${nodeLink} scope link proto ${routeProtocol}`),
        ...routes
          .filter(({ via }) => ofFamily(via))
          .map(
            ({ subnet, via }) => `route replace ${subnet} via ${via} dev ${nodeLink} proto ${routeProtocol}`,
          ),
        ...apiAddress
          .filter(ofFamily)
          .map(
            (one) =>
              `address replace ${asSubnet(one)} dev ${nodeLink} preferred_lft 0${isIpv6(one) ? ' nodad' : ''}`,
          ),
        '',
      ].join('\n'),
    };
  });
}

/** Where the pods of other nodes are; with a network add-on that is its business. */
function peerRoutes(
  machine: MachineContext,
  { machines, spec }: ClusterContext,
): { subnet: string; via: string }[] {
  if (spec.network.cni === 'none') return [];
  return machines
    .filter(({ name }) => name !== machine.name)
    .flatMap(({ podSubnets, addresses }) =>
      podSubnets.flatMap((subnet, family) => {
        const via = addresses[family]?.address;
        return via === undefined ? [] : [{ subnet, via }];
      }),
    );
}

function keepsApiAddress(
  { role, address }: MachineContext,
  { controlPlanes, apiAddress }: ClusterContext,
): boolean {
  // with DHCP it may be the machine's own
  return role === 'control-plane' && controlPlanes.length === 1 && apiAddress !== address;
}

function isIpv6(address: string): boolean {
  return address.includes(':');
}
