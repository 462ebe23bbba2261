import { InputError } from '../errors.ts';
import type { HostFacts } from '../facts/types.ts';
import { nthAddress, urlHost } from '../formats/cidr.ts';
import type { ClusterSpec } from '../spec/types.ts';
import { apiAddress } from './components/api-address.ts';
import type { ClusterContext, Component, MachineContext } from './components/component.ts';
import { apiPort } from './components/component.ts';
import { containerd } from './components/containerd.ts';
import { etcd } from './components/etcd.ts';
import { knestAgent } from './components/knest-agent.ts';
import { kubeApiserver } from './components/kube-apiserver.ts';
import { kubeControllerManager } from './components/kube-controller-manager.ts';
import { kubeProxy } from './components/kube-proxy.ts';
import { kubeScheduler } from './components/kube-scheduler.ts';
import { kubelet } from './components/kubelet.ts';
import { lanNode } from './components/lan-node.ts';
import { localRegistry, registryBind, registryPort, runsRegistry } from './components/local-registry.ts';
import { nodeNetwork } from './components/node-network.ts';
import { operatingSystem } from './components/operating-system.ts';
import { podNetwork } from './components/pod-network.ts';
import { preloadedImages } from './components/preloaded-images.ts';
import { proxy } from './components/proxy.ts';
import { registries } from './components/registries.ts';
import { controlPlanesOf } from './control-planes.ts';
import { rootfsLayer } from './image.ts';
import { imagesLayers } from './images-layer.ts';
import { assembleMachine } from './machine.ts';
import { bridgeName } from './network/bridge.ts';
import { planHairpin } from './network/hairpin.ts';
import { planHostNetwork } from './network/host-network.ts';
import { kernelProblems } from './network/kernel-problems.ts';
import { lanMac, lanOf, leasedApiAddress, leasedSubnet, linkLocalAddress } from './network/lan.ts';
import { podBridge, sharedNetworkOf, sharedSubnet, sweepCommands } from './network/shared.ts';
import { planPorts } from './network/ports.ts';
import type { ClusterPorts } from './network/ports.ts';
import { choosePool } from './network/load-balancer.ts';
import { apiAddressOf, nameserversFor } from './network/node-addresses.ts';
import { chooseSubnets } from './network/subnets.ts';
import { placeNodes, type PlacedNode, type PlaceInput } from './places.ts';
import { chooseManager } from './nspawn/manager.ts';
import { planHostUnits } from './nspawn/systemd/host-units.ts';
import { planPki } from './pki.ts';
import { planSysctls } from './sysctls.ts';
import type { ClusterPlan, KubernetesChoice, Paths, PlannedLayer, PlannedPort } from './types.ts';
import { versionProblems } from './versions/problems.ts';

const components: readonly Component[] = [
  operatingSystem,
  nodeNetwork,
  lanNode,
  etcd,
  apiAddress,
  kubeApiserver,
  kubeControllerManager,
  kubeScheduler,
  containerd,
  registries,
  proxy,
  localRegistry,
  preloadedImages,
  podNetwork,
  kubelet,
  kubeProxy,
  knestAgent,
];

/**
 * The whole plan of a cluster. Pure: the same spec, facts, Kubernetes, folders and previous plan always give the same
 * plan.
 * @param previous the plan of the cluster as it is, when nodes come or go: what stays keeps its addresses and layers
 * @throws InputError when the spec does not fit the host, KnestError (preflight) when the host has no room for it
 */
export function planCluster(
  spec: ClusterSpec,
  facts: HostFacts,
  kubernetes: KubernetesChoice,
  paths: Paths,
  previous?: ClusterPlan,
): ClusterPlan {
  refuse(spec, facts, kubernetes);
  const manager = previous?.manager ?? chooseManager(spec, facts);
  const shared = sharedNetworkOf(spec, facts, previous);
  const bridge = shared ? podBridge : bridgeName(spec.name);
  const lan = lanOf(spec, facts, previous);
  const leased = shared ? sharedSubnet(shared) : lan?.dhcp ? leasedSubnet(lan) : undefined;
  const subnets = previous
    ? { ...previous.network, ...(leased === undefined ? {} : { nodeSubnets: [leased] }) }
    : chooseSubnets(spec.network, facts, spec.nodes.length, {
        ownBridge: bridge,
        ...(lan ? { lan: lan.parent } : {}),
        ...(leased === undefined ? {} : { leased }),
      });
  const ports = planPorts(
    spec,
    facts,
    previous && {
      machines: previous.machines,
      api: previous.network.apiPort,
      registry: previous.network.registryPort,
    },
  );
  const pool = previous
    ? (previous.network.loadBalancer ?? [])
    : choosePool({
        ...{ network: spec.network, nodeSubnets: subnets.nodeSubnets, lan },
        ...{ hostAddresses: facts.addresses, nodeCount: spec.nodes.length },
      });
  const network = { ...subnets, loadBalancer: pool };
  const nodes = placeNodes({ spec, network, kubernetes, previous, lan, shared, facts });
  const machines = nodes.map(({ machine }) => machine);
  const cluster = clusterContext({ spec, facts, network, machines, ports, previous, lan, shared });
  const folder = `${paths.state}/clusters/${spec.name}`;
  const drafts = nodes.map((node, index) => ({
    ...node,
    ports: ports.nodes[index] ?? [],
    layers: previousLayers(previous, node.machine) ?? layersOf(node, spec, facts),
    parts: components.map((component) => component(node.machine, cluster)),
    link: shared ? { shared: true as const } : lan ? { macvlan: lan.parent } : { bridge },
    shared: runsRegistry(spec) && node.machine.role === 'control-plane' ? [registryBind(folder)] : [],
    cluster: spec.name,
    rootPassword: spec.rootPassword,
    manager,
  }));
  const peers = drafts.map(({ machine, ports: own }) => ({ ...machine, ports: own }));
  const rootfs = drafts[0]?.layers.at(-1)?.id ?? '';
  const afterStop = shared ? sweepCommands(`${paths.cache}/layers/${rootfs}`, facts) : [];
  const hostNetwork = planHostNetwork(
    {
      cluster: spec.name,
      bridge,
      ...(shared ? { shared: true as const, loadsBridgeNetfilter: !hasBridgeNetfilter(facts) } : {}),
      ...(lan
        ? {
            lan: {
              parent: lan.parent,
              mac: lanMac(facts, bridge),
              ...(lan.dhcp ? { linkLocal: linkLocalAddress(facts, spec.name) } : {}),
            },
          }
        : {}),
      apiAddress: cluster.apiAddress,
      apiPort: ports.api,
      registryPort: shared ? undefined : ports.registry,
      ipvs: spec.network.proxyMode === 'ipvs',
      podBridge: spec.network.cni === 'bridge',
      machines: peers,
      nodeSubnets: subnets.nodeSubnets,
      podSubnets: subnets.podSubnets,
      serviceSubnets: subnets.serviceSubnets,
      loadBalancer: pool,
    },
    facts,
  );
  const host = {
    // those of the first plan know what the host had before
    sysctls: previous?.host.sysctls ?? planSysctls(facts, spec.network, manager),
    setup: hostNetwork.setup,
    teardown: [...afterStop, ...hostNetwork.teardown],
    ...(shared ? { afterStop } : {}),
  };
  return {
    version: 2,
    cluster: spec.name,
    kubernetesVersion: kubernetes.cluster.version,
    kubernetesReason: kubernetes.cluster.reason,
    manager,
    endpoint: cluster.endpoint,
    server: serverOf(ports.api, cluster.endpoint),
    context: `knest-${spec.name}`,
    network: {
      bridge,
      ...(lan ? { lan: { parent: lan.parent, dhcp: lan.dhcp } } : {}),
      ...(shared ? { shared: true } : {}),
      nodeSubnets: subnets.nodeSubnets,
      podSubnets: subnets.podSubnets,
      serviceSubnets: subnets.serviceSubnets,
      apiAddress: cluster.apiAddress,
      ...(ports.api ? { apiPort: ports.api } : {}),
      ...(ports.registry ? { registryPort: ports.registry } : {}),
      cni: spec.network.cni,
      loadBalancer: pool,
    },
    layers: [...new Map(drafts.flatMap(({ layers }) => layers.map((layer) => [layer.id, layer]))).values()],
    pki: planPki(drafts.flatMap(({ parts }) => parts)),
    host:
      manager === 'systemd'
        ? {
            ...host,
            units: planHostUnits({
              cluster: spec.name,
              folder,
              bridge,
              host,
              networkManager: hasNetworkManager(facts),
              ...(lan ? { parent: lan.parent } : {}),
            }),
          }
        : host,
    machines: drafts.map((draft) => {
      const layers = draft.layers.map(({ id }) => id);
      const started = planHairpin(draft.machine.name, { machines: peers, apiPort: ports.api });
      const favoured = cluster.controlPlanes.length > 1 && cluster.controlPlanes[0] === draft.machine;
      return assembleMachine({ ...draft, layers, started, favoured }, facts, paths);
    }),
  };
}

/** It is loaded: the kernel has its settings. */
function hasBridgeNetfilter({ sysctls }: HostFacts): boolean {
  return sysctls['net.bridge.bridge-nf-call-iptables'] !== undefined;
}

function hasNetworkManager({ programs }: HostFacts): boolean {
  return programs['NetworkManager'] !== undefined || programs['nmcli'] !== undefined;
}

/** What no plan can make work here. */
function refuse(spec: ClusterSpec, facts: HostFacts, kubernetes: KubernetesChoice): void {
  const versions = [kubernetes.cluster, ...Object.values(kubernetes.nodes)].map(({ version }) => version);
  const problems = [...kernelProblems(spec, facts, versions), ...versionProblems(spec, kubernetes)];
  if (problems.length > 0) throw new InputError('the cluster cannot be made', problems);
}

function clusterContext({
  spec,
  facts,
  network: { nodeSubnets, podSubnets, serviceSubnets, loadBalancer },
  machines,
  ports,
  previous,
  lan,
  shared,
}: Omit<PlaceInput, 'kubernetes'> & {
  machines: readonly MachineContext[];
  ports: ClusterPorts;
}): ClusterContext {
  const controlPlanes = controlPlanesOf(machines);
  const address = lan?.dhcp
    ? leasedApiAddress(lan, spec.network.apiServer, controlPlanes[0]?.address ?? '')
    : (shared?.address ?? apiAddressOf(nodeSubnets[0] ?? ''));
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

function layersOf({ machine, kubernetes }: PlacedNode, spec: ClusterSpec, facts: HostFacts): PlannedLayer[] {
  const { layerId: id, version, source } = kubernetes;
  const image = { ...spec.image, suite: machine.spec.suite ?? spec.image.suite };
  return [...imagesLayers(spec), { kind: 'kubernetes', id, version, source }, rootfsLayer(image, facts)];
}

/** What a machine was made from stays below it, also when this knest would choose other packages today. */
function previousLayers(
  previous: ClusterPlan | undefined,
  { name }: MachineContext,
): PlannedLayer[] | undefined {
  const ids = previous?.machines.find((machine) => machine.name === name)?.layers;
  return ids?.flatMap((id) => previous?.layers.filter((layer) => layer.id === id) ?? []);
}

/** Users may come through a port of the host. */
function serverOf(port: PlannedPort | undefined, endpoint: string): string {
  if (port === undefined) return endpoint;
  const { listenAddress = '0.0.0.0', hostPort } = port;
  const here: Partial<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' };
  return `https://${urlHost(here[listenAddress] ?? listenAddress)}:${hostPort}`;
}
