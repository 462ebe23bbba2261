/** network.mode host: what a node that shares the network of its host cannot have of its own. */

import type { Problem } from '../../errors.ts';
import type { Path } from '../problems.ts';
import type { Config } from '../schema.ts';
import { ipFamilyOf } from './networks.ts';

type ValidConfig = Partial<Config>;
type NameOf = (path: Path) => string;

/** A second node, ports that lead into it, addresses other than the host's, and what nobody would take away again. */
export function hostNetworkProblems(config: ValidConfig, nameOf: NameOf): Problem[] {
  const { network = {}, nodes = [] } = config;
  const mode = `${nameOf(['network', 'mode'])} host`;
  if (network.mode !== 'host') {
    return network.hostAddress === undefined
      ? []
      : [{ path: nameOf(['network', 'hostAddress']), message: `is for ${mode}` }];
  }
  const { listenAddress, port } = network.apiServer ?? {};
  const without = (path: Path, message: string): Problem => ({
    path: nameOf(path),
    message: `${message}, with ${mode}`,
    hint: 'leave it out',
  });
  return [
    ...(nodes.length > 1 ? [secondNode(nameOf(['nodes']), nodes.length)] : []),
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
      : [{ path: nameOf(['network', 'ipFamily']), message: `must be ipv4 with ${mode}` }]),
    ...(network.proxyMode === 'ipvs'
      ? [
          {
            path: nameOf(['network', 'proxyMode']),
            message: `cannot be ipvs with ${mode}: its virtual servers would be the host's, and stay there`,
            hint: 'use auto, iptables or nftables',
          },
        ]
      : []),
    ...(network.cni === 'none'
      ? [
          {
            path: nameOf(['network', 'cni']),
            message: `cannot be none with ${mode}: what a network add-on makes on the host, knest cannot take away`,
            hint: 'use the network "bridge"',
          },
        ]
      : []),
  ];
}

/** Also for nodes that are added later. */
export function secondNode(path: string, nodes: number): Problem {
  return {
    path,
    message: `are ${nodes}, and only one can share the network of the host: all of them would want its ports`,
    hint: 'one node, or another network: bridge, macvlan:LINK',
  };
}
