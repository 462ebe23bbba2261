import { nthAddress, urlHost } from '../formats/cidr.ts';
import type { ClusterSpec } from '../spec/types.ts';
import type { ClusterContext, MachineContext } from './components/component.ts';
import { apiPort } from './components/component.ts';
import { registryPort } from './components/local-registry.ts';
import { controlPlanesOf } from './control-planes.ts';
import { imagesLayers } from './images-layer.ts';
import { leasedApiAddress, linkLocalAddress } from './network/lan.ts';
import { apiAddressOf, nameserversFor } from './network/node-addresses.ts';
import type { PlaceInput } from './place-nodes.ts';
import type { PlannedPort } from './types.ts';

/** What components know of their cluster. */
export function clusterContext({
  spec,
  facts,
  network: { nodeSubnets, podSubnets, serviceSubnets, loadBalancer, lan, hostNetwork, ports },
  machines,
  previous,
}: Omit<PlaceInput, 'kubernetes' | 'keep'> & { machines: readonly MachineContext[] }): ClusterContext {
  const controlPlanes = controlPlanesOf(machines);
  const address = lan?.dhcp
    ? leasedApiAddress(lan, spec.network.apiServer, controlPlanes[0]?.address ?? '')
    : (hostNetwork?.address ?? apiAddressOf(nodeSubnets[0] ?? ''));
  const there = new Set(previous?.machines.map(({ name }) => name));
  return {
    name: spec.name,
    nodeSubnets,
    podSubnets,
    serviceSubnets,
    registryHost: registryHostOf(spec, ports.registry, address),
    apiServiceAddress: nthAddress(serviceSubnets[0] ?? '', 1),
    dnsServiceAddress: nthAddress(serviceSubnets[0] ?? '', 10),
    loadBalancer,
    apiAddress: address,
    endpoint: `https://${urlHost(address)}:${apiPort}`,
    machines,
    controlPlanes,
    ...(lan?.dhcp ? { hostLink: linkLocalAddress(facts, spec.name) } : {}),
    archives: imagesLayers(spec).flatMap(({ archives }) => archives),
    joining: new Set(previous ? machines.map(({ name }) => name).filter((name) => !there.has(name)) : []),
    spec,
    facts: { ...facts, nameservers: nameserversFor(spec.network.ipFamily, facts.nameservers) },
  };
}

/** Where there is no port of the host, as with IPv6 alone, the host reaches the registry where nodes do. */
function registryHostOf(
  { registry }: ClusterSpec,
  port: PlannedPort | undefined,
  apiAddress: string,
): string | undefined {
  if (registry === undefined) return undefined;
  if (registry.address === undefined) {
    return port ? `localhost:${port.hostPort}` : `${urlHost(apiAddress)}:${registryPort}`;
  }
  return registry.port === undefined ? new URL(registry.address).host : `localhost:${registry.port}`;
}
