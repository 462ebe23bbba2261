import { InputError, KnestError } from '../errors.ts';
import type { HostFacts } from '../facts/types.ts';
import { parseRange } from '../formats/address-range.ts';
import { nthAddress, parseCidr, urlHost } from '../formats/cidr.ts';
import type { ClusterSpec, NodeSpec } from '../spec/types.ts';
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
import { lanOf, type Lan } from './network/lan.ts';
import { planPorts } from './network/ports.ts';
import type { ClusterPorts } from './network/ports.ts';
import { choosePool, nodeSlots } from './network/load-balancer.ts';
import {
  apiAddressOf,
  gatewayOf,
  nameserversFor,
  nodeAddress,
  podSubnetOfNode,
} from './network/node-addresses.ts';
import { chooseSubnets } from './network/subnets.ts';
import type { ClusterSubnets } from './network/subnets.ts';
import { chooseManager } from './nspawn/manager.ts';
import { planHostUnits } from './nspawn/systemd/host-units.ts';
import { planPki } from './pki.ts';
import { planSysctls } from './sysctls.ts';
import type {
  ClusterPlan,
  KubernetesChoice,
  Paths,
  PlannedLayer,
  PlannedPort,
  ResolvedKubernetes,
} from './types.ts';
import { versionTraits } from './versions/traits.ts';

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
  const bridge = bridgeName(spec.name);
  const lan = lanOf(spec.network, facts);
  const subnets =
    previous?.network ??
    chooseSubnets(spec.network, facts, spec.nodes.length, {
      ownBridge: bridge,
      ...(lan ? { lan: lan.parent } : {}),
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
  const nodes = placeNodes(spec, { ...subnets, loadBalancer: pool }, kubernetes, previous, lan);
  const machines = nodes.map(({ machine }) => machine);
  const cluster = clusterContext(spec, facts, { ...subnets, loadBalancer: pool }, machines, ports, previous);
  const folder = `${paths.state}/clusters/${spec.name}`;
  const drafts = nodes.map((node, index) => ({
    ...node,
    ports: ports.nodes[index] ?? [],
    layers: previousLayers(previous, node.machine) ?? layersOf(node, spec, facts),
    parts: components.map((component) => component(node.machine, cluster)),
    link: lan ? { macvlan: lan.parent } : { bridge },
    shared: runsRegistry(spec) && node.machine.role === 'control-plane' ? [registryBind(folder)] : [],
    cluster: spec.name,
    rootPassword: spec.rootPassword,
    manager,
  }));
  const peers = drafts.map(({ machine, ports: own }) => ({ ...machine, ports: own }));
  const host = {
    // those of the first plan know what the host had before
    sysctls: previous?.host.sysctls ?? planSysctls(facts, spec.network.ipFamily, manager),
    ...planHostNetwork(
      {
        cluster: spec.name,
        bridge,
        ...(lan ? { parent: lan.parent } : {}),
        apiAddress: cluster.apiAddress,
        apiPort: ports.api,
        registryPort: ports.registry,
        ipvs: spec.network.proxyMode === 'ipvs',
        podBridge: spec.network.cni === 'bridge',
        machines: peers,
        nodeSubnets: subnets.nodeSubnets,
        podSubnets: subnets.podSubnets,
        serviceSubnets: subnets.serviceSubnets,
        loadBalancer: pool,
      },
      facts,
    ),
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

function hasNetworkManager({ programs }: HostFacts): boolean {
  return programs['NetworkManager'] !== undefined || programs['nmcli'] !== undefined;
}

/** What no plan can make work here. */
function refuse(spec: ClusterSpec, facts: HostFacts, kubernetes: KubernetesChoice): void {
  const versions = [kubernetes.cluster, ...Object.values(kubernetes.nodes)].map(({ version }) => version);
  const problems = kernelProblems(spec, facts, versions);
  if (problems.length > 0) throw new InputError('the cluster cannot be made', problems);
}

function clusterContext(
  spec: ClusterSpec,
  facts: HostFacts,
  { nodeSubnets, podSubnets, serviceSubnets, loadBalancer }: Network,
  machines: readonly MachineContext[],
  ports: ClusterPorts,
  previous: ClusterPlan | undefined,
): ClusterContext {
  const address = apiAddressOf(nodeSubnets[0] ?? '');
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
    controlPlanes: controlPlanesOf(machines),
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

/** Subnets, and the part of them that Services get addresses from. */
interface Network extends ClusterSubnets {
  loadBalancer: readonly string[];
}

interface PlacedNode {
  machine: MachineContext;
  slot: number;
  kubernetes: ResolvedKubernetes;
}

/** Nodes with their addresses. Those that are there already keep their places, new ones take the first free ones. */
function placeNodes(
  spec: ClusterSpec,
  { nodeSubnets, podSubnets, loadBalancer }: Network,
  kubernetes: KubernetesChoice,
  previous: ClusterPlan | undefined,
  lan: Lan | undefined,
): PlacedNode[] {
  const kept = new Map(previous?.machines.map(({ name, slot }) => [name, slot]));
  const taken = new Set(spec.nodes.map(({ name }) => kept.get(name)));
  const free = freeSlots(nodeSubnets, loadBalancer, taken);
  return spec.nodes.map((node: NodeSpec) => {
    const slot = kept.get(node.name) ?? free.next().value;
    const chosen = kubernetes.nodes[node.name] ?? kubernetes.cluster;
    const addresses = nodeSubnets.map((subnet) => ({
      address: nodeAddress(subnet, slot),
      prefixLength: lan?.prefixLength ?? parseCidr(subnet).prefix,
      gateway: lan ? (lan.gateway ?? '') : gatewayOf(subnet),
    }));
    const machine = {
      name: node.name,
      role: node.role,
      address: addresses[0]?.address ?? '',
      addresses,
      podSubnets: podSubnets.map((subnet) => podSubnetOfNode(subnet, slot)),
      spec: node,
      kubernetesVersion: chosen.version,
      traits: versionTraits(chosen.version),
    };
    return { machine, slot, kubernetes: chosen };
  });
}

/** @throws KnestError when the node subnet has no place left */
function* freeSlots(
  nodeSubnets: readonly string[],
  pool: readonly string[],
  taken: ReadonlySet<number | undefined>,
): Generator<number, never> {
  for (const slot of nodeSlots(nodeSubnets, pool.map(parseRange))) if (!taken.has(slot)) yield slot;
  throw new KnestError(`the node subnet ${nodeSubnets.join(', ')} has no address left for another node`, {
    kind: 'preflight',
    hint: 'subnets stay as they are while a cluster lives: make one with a larger network.nodeSubnet',
    details: pool.map((range) => `${range}: for Services of type LoadBalancer`),
  });
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
