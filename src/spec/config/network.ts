/** The config file: network. */

import * as z from 'zod';
import { ipFamilies, podNetworks, proxyModes } from '../words.ts';
import { nodePrefixes, podPrefixes, servicePrefixes, subnetsProblem } from '../subnets.ts';
import { didYouMean } from '../suggest.ts';
import { rangeProblem } from '../ranges.ts';
import { addressProblem, certSanProblem, dnsNameProblem } from '../values.ts';
import { checkedText, port, shortList, text } from './fields.ts';

const apiServer = z
  .strictObject({
    address: text(addressProblem).meta({
      description:
        'With `dhcp`: an address of the LAN that the DHCP server does not give away, for the API. Several control planes ' +
        'need it. Default: the address of the only control plane.',
    }),
    listenAddress: text(addressProblem).meta({
      description:
        'Address of the host on which it offers the API as well, for the kubeconfig: `127.0.0.1`, `0.0.0.0`. ' +
        'Default: none, or loopback when `port` is given.',
    }),
    port: port('Port there. Default: one that is free.').optional(),
    certSANs: shortList(checkedText(certSanProblem), 1000).optional().meta({
      description: 'More DNS names and IP addresses for the API server’s certificate.',
    }),
  })
  .meta({ description: 'How the API is reached.' });

const loadBalancer = z
  .strictObject({
    addresses: shortList(checkedText(rangeProblem), 1000)
      .optional()
      .meta({
        description:
          'Ranges: `10.89.0.200-10.89.0.250`, a subnet with all of its addresses, or one address. On a bridge within ' +
          '`nodeSubnet`, with macvlan within the LAN. `[]`: none. Default: on a bridge the last quarter of the node ' +
          'subnet, 64 addresses at most; with macvlan none.',
      }),
  })
  .meta({ description: 'Addresses for Services of type LoadBalancer.' });

const modePattern = /^(bridge|host|macvlan:[\w.-]{1,15})$/;

function modeProblem(mode: string): string | undefined {
  if (modePattern.test(mode)) return undefined;
  const message = `must be "bridge", "macvlan:LINK" or "host", not "${mode}"`;
  const hint = didYouMean(mode, ['bridge', 'macvlan', 'host']);
  return hint === undefined ? message : `${message}; ${hint}`;
}

export const networkSchema = z
  .strictObject({
    mode: text(modeProblem).meta({
      pattern: modePattern.source,
      description:
        'How nodes reach each other and the world. `bridge`: a bridge of their own and NAT. `macvlan:eno1`: nodes are ' +
        'hosts of the LAN behind that link, at addresses of `nodeSubnet`, the part of it that is theirs, or by `dhcp`. ' +
        '`host`: the only node shares the network of the host. Default: bridge.',
    }),
    hostAddress: text(addressProblem).meta({
      description:
        'With `host`: the host’s address that the node has, and its API. Default: the one by which the host reaches ' +
        'the rest of the world.',
    }),
    dhcp: z.boolean().optional().meta({
      description: 'With macvlan: the LAN’s DHCP server gives nodes their addresses. Default: false.',
    }),
    gateway: text(addressProblem).meta({
      description:
        'With macvlan and `nodeSubnet`: address of the LAN’s router. Default: none; nodes reach the LAN only.',
    }),
    ipFamily: z.enum(ipFamilies).optional().meta({
      description:
        'Addresses of nodes, pods and Services; `dual`: both, IPv4 first. Default: what the given subnets are, else ipv4.',
    }),
    nodeSubnet: text((value) => subnetsProblem(value, nodePrefixes)).meta({
      description:
        'Subnet of the nodes: IPv4 /8 to /28, IPv6 /32 to /124, for `dual` both: `10.89.0.0/24,fd00:89::/64`. ' +
        'Default: the first of knest’s own that is free on the host.',
    }),
    podSubnet: text((value) => subnetsProblem(value, podPrefixes)).meta({
      description:
        'Subnet of the pods: IPv4 /8 to /24, of which each node gets a /24; IPv6 /48 to /112, of which each gets a /64, or ' +
        'with more than /60 a smaller one, down to /120. ' +
        'Default: one that is free.',
    }),
    serviceSubnet: text((value) => subnetsProblem(value, servicePrefixes)).meta({
      description: 'Subnet of the Services: IPv4 /12 to /24, IPv6 /108 to /120. Default: one that is free.',
    }),
    cni: z
      .enum(podNetworks)
      .optional()
      .meta({
        description:
          'Network of the pods. `bridge`: CNI’s own plugin, with a subnet per node. `none`: you apply a network add-on; ' +
          'nodes are not Ready before. Default: bridge.',
      }),
    networkPolicy: z
      .boolean()
      .optional()
      .meta({
        description:
          'Whether NetworkPolicies are enforced. Default: true; with `cni: none` that is the business of your network ' +
          'add-on, and it cannot be true.',
      }),
    proxyMode: z
      .enum(proxyModes)
      .optional()
      .meta({
        description:
          'How kube-proxy works. `auto`: nftables where the Kubernetes version has it as stable, else iptables. ' +
          '`none`: no kube-proxy. Default: auto.',
      }),
    loadBalancer: loadBalancer.optional(),
    dnsSearch: z.array(checkedText(dnsNameProblem)).optional().meta({
      description: 'DNS search domains of the nodes. Default: the host’s.',
    }),
    apiServer: apiServer.optional(),
  })
  .meta({ description: 'The network of the cluster.' });
