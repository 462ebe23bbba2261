/** network.mode host: what a node that shares the network of its host cannot have of its own. */

import type { Problem } from '../../errors.ts';
import type { At, Path } from '../problems.ts';
import type { Config } from '../schema.ts';
import { ipFamilyOf } from './networks.ts';

type ValidConfig = Partial<Config>;

/** A second node, ports that lead into it, addresses other than the host's, and what nobody would take away again. */
export function hostNetworkProblems(config: ValidConfig, at: At): Problem[] {
  const { network = {}, nodes = [] } = config;
  const mode = `${at(['network', 'mode']).path} host`;
  if (network.mode !== 'host') {
    return network.hostAddress === undefined
      ? []
      : [{ ...at(['network', 'hostAddress']), message: `is for ${mode}` }];
  }
  const { listenAddress, port } = network.apiServer ?? {};
  const without = (path: Path, message: string): Problem => ({
    ...at(path),
    message: `${message}, with ${mode}`,
    hint: 'leave it out',
  });
  return [
    ...(nodes.length > 1 ? [{ ...secondNode(nodes.length), ...at(['nodes']) }] : []),
    ...(network.nodeSubnet === undefined
      ? []
      : [without(['network', 'nodeSubnet'], 'the node has the address of the host')]),
    ...(network.gateway === undefined ? [] : [without(['network', 'gateway'], 'the host has its routes')]),
    ...nodes.flatMap(({ extraPortMappings = [] }, index) =>
      extraPortMappings.length === 0
        ? []
        : [without(['nodes', index, 'extraPortMappings'], 'ports of the node are ports of the host')],
    ),
    ...(listenAddress === undefined && port === undefined
      ? []
      : [without(['network', 'apiServer'], 'the API is at port 6443 of the host already')]),
    ...((network.loadBalancer?.addresses ?? []).length === 0
      ? []
      : [without(['network', 'loadBalancer', 'addresses'], 'the node has no address but that of the host')]),
    ...(ipFamilyOf(config) === 'ipv4'
      ? []
      : [{ ...at(['network', 'ipFamily']), message: `must be ipv4 with ${mode}` }]),
    ...(network.proxyMode === 'ipvs'
      ? [
          {
            ...at(['network', 'proxyMode']),
            message: `cannot be ipvs with ${mode}: its virtual servers would be the host's, and stay there`,
            hint: 'use auto, iptables or nftables',
          },
        ]
      : []),
    ...(network.cni === 'none'
      ? [
          {
            ...at(['network', 'cni']),
            message: `cannot be none with ${mode}: what a network add-on makes on the host, knest cannot take away`,
            hint: 'use the network "bridge"',
          },
        ]
      : []),
  ];
}

/** Also for nodes that are added later. */
export function secondNode(nodes: number): Problem {
  return {
    path: 'nodes',
    message: `are ${nodes}, and only one can share the network of the host: all of them would want its ports`,
    hint: 'one node, or another network: bridge, macvlan:LINK',
  };
}
