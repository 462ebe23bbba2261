import { InputError } from '../errors.ts';
import type { HostFacts } from '../facts/types.ts';
import { urlHost } from '../formats/cidr.ts';
import type { ClusterSpec } from '../spec/types.ts';
import { apiAddress } from './components/api-address.ts';
import { hostPathProblems, withoutAbsentDevices } from './binds.ts';
import { certificateRenewal } from './components/certificate-renewal.ts';
import type { ClusterContext, Component, MachineContext } from './components/component.ts';
import { containerd } from './components/containerd.ts';
import { etcd } from './components/etcd.ts';
import { ingress } from './components/ingress.ts';
import { knestAgent } from './components/knest-agent.ts';
import { kubeApiserver } from './components/kube-apiserver.ts';
import { kubeControllerManager } from './components/kube-controller-manager.ts';
import { kubeProxy } from './components/kube-proxy.ts';
import { kubeScheduler } from './components/kube-scheduler.ts';
import { kubelet } from './components/kubelet.ts';
import { lanNode } from './components/lan-node.ts';
import { localRegistry, registryBind, runsRegistry } from './components/local-registry.ts';
import { nodeMounts } from './components/node-mounts.ts';
import { nodeNetwork } from './components/node-network.ts';
import { cgroupV1Beside, hasCgroupV1Beside } from './components/cgroup-v1-beside.ts';
import { operatingSystem } from './components/operating-system.ts';
import { podNetwork } from './components/pod-network.ts';
import { userManifests } from './components/user-manifests.ts';
import { preloadedImages } from './components/preloaded-images.ts';
import { proxy } from './components/http-proxy.ts';
import { registries } from './components/registries.ts';
import { resourceMetrics } from './components/resource-metrics.ts';
import { backupBind, scheduledBackup } from './components/scheduled-backup.ts';
import { clusterContext } from './context.ts';
import { planHost } from './host.ts';
import { rootfsLayer } from './image.ts';
import { imagesLayers } from './images-layer.ts';
import { kubernetesLayer } from './kubernetes-layer.ts';
import { assembleMachine } from './machine.ts';
import { planClusterNetwork, type ClusterNetwork } from './network/cluster-network.ts';
import { planHairpin } from './network/hairpin.ts';
import { kernelProblems } from './network/kernel-problems.ts';
import { placeNodes, type PlacedNode } from './place-nodes.ts';
import { chooseManager } from './managers/choose.ts';
import { managerPlanners, plannerOf } from './managers/planners.ts';
import type { ManagerPlanners } from './managers/types.ts';
import type { Keep } from './keep.ts';
import { collectRefusals } from './refusals.ts';
import { unique } from './spec-layers.ts';
import { componentLayers, componentsOfNode, suiteOf } from './node-components.ts';
import { planPki } from './pki.ts';
import type {
  ClusterPlan,
  ComponentPlan,
  KubernetesChoice,
  ManagerName,
  Paths,
  PlanInputs,
  PlannedLayer,
  PlannedPort,
} from './types.ts';
import { versionOfNode, versionProblems } from './versions/problems.ts';

const components: readonly Component[] = [
  operatingSystem,
  nodeMounts,
  cgroupV1Beside,
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
  resourceMetrics,
  ingress,
  knestAgent,
  userManifests,
  scheduledBackup,
];

/**
 * The whole plan of a cluster. Pure: the same spec, facts, Kubernetes, folders, previous plan and what to keep of it always
 * give the same plan.
 * @param previous the plan of the cluster as it is, when nodes come or go: what stays keeps its addresses and places
 * @param keep what machines that are there keep besides; what is not in it is chosen anew
 * @param planners the managers that may run the machines
 * @throws InputError when the spec does not fit the host, KnestError (preflight) when the host has no room for it
 */
export function planCluster(
  wanted: ClusterSpec,
  facts: PlanInputs,
  kubernetes: KubernetesChoice,
  paths: Paths,
  previous?: ClusterPlan,
  keep: Keep = {},
  planners: ManagerPlanners = managerPlanners,
): ClusterPlan {
  const there = seesTheSame(previous, keep);
  const spec = withoutAbsentDevices(wanted, facts, there);
  const { manager, network } = decide({ wanted, spec, facts, kubernetes, previous, keep, there, planners });
  const planner = plannerOf(manager, planners);
  const { hostNetwork, lan, bridge, ports } = network;
  const nodes = placeNodes({ spec, network, kubernetes, previous, keep, facts });
  const machines = nodes.map(({ machine }) => machine);
  const cluster = clusterContext({ spec, facts, network, machines, previous });
  const folder = `${paths.state}/clusters/${spec.name}`;
  const drafts = nodes.map((node, index) => ({
    ...node,
    ports: ports.nodes[index] ?? [],
    layers: keep.layers?.[node.machine.name] ?? layersOf(node, spec, facts, keep),
    parts: partsOf(node.machine, cluster),
    link: hostNetwork ? { hostNetwork: true as const } : lan ? { macvlan: lan.parent } : { bridge },
    keptBinds: keep.binds?.[node.machine.name],
    clusterBinds:
      node.machine.role === 'control-plane'
        ? [...(runsRegistry(spec) ? [registryBind(folder)] : []), ...backupBind(spec)]
        : [],
    cluster: spec.name,
    rootPassword: spec.rootPassword,
    manager: planner,
  }));
  const peers = drafts.map(({ machine, ports: own }) => ({ ...machine, ports: own }));
  const image = `${paths.cache}/layers/${drafts[0]?.layers.at(-1)?.id ?? ''}`;
  return {
    version: 3,
    cluster: spec.name,
    kubernetesVersion: kubernetes.cluster.version,
    kubernetesReason: kubernetes.cluster.reason,
    kubernetesLayer: kubernetes.cluster.layerId,
    manager,
    endpoint: cluster.endpoint,
    server: serverOf(ports.api, cluster.endpoint),
    context: `knest-${spec.name}`,
    network: plannedNetwork(network, cluster.apiAddress, spec),
    layers: unique(drafts.flatMap(({ layers }) => layers)),
    pki: planPki(
      drafts.flatMap(({ parts }) => parts),
      spec.certificates,
    ),
    host: planHost({
      ...{ spec, facts, network, manager: planner, folder, image },
      sysctls: keep.sysctls,
      apiAddress: cluster.apiAddress,
      machines: peers,
    }),
    machines: drafts.map((draft) => {
      const layers = draft.layers.map(({ id }) => id);
      const started = planHairpin(draft.machine.name, { machines: peers, apiPort: ports.api });
      const boosted = cluster.controlPlanes.length > 1 && cluster.controlPlanes[0] === draft.machine;
      const unifiedCgroup = hasCgroupV1Beside(draft.machine, cluster);
      return assembleMachine({ ...draft, layers, started, boosted, unifiedCgroup }, facts, paths);
    }),
  };
}

/** Names of nodes that are there and are to see the same of the host as they do now: it was checked when they came. */
export function seesTheSame(previous: ClusterPlan | undefined, keep: Keep | undefined): Set<string> {
  const names = (previous?.machines ?? []).map(({ name }) => name);
  return new Set(keep?.binds ? names.filter((name) => keep.binds?.[name] !== undefined) : names);
}

/** The last one looks at what the others have. */
function partsOf(machine: MachineContext, cluster: ClusterContext): ComponentPlan[] {
  const parts = components.map((component) => component(machine, cluster));
  return [...parts, certificateRenewal(machine, cluster, parts)];
}

/** What later plans, and readers of this one, need to know of the network. */
function plannedNetwork(
  { bridge, lan, hostNetwork, ports, ...network }: ClusterNetwork,
  address: string,
  spec: ClusterSpec,
): ClusterPlan['network'] {
  return {
    bridge,
    ...(lan ? { lan: { parent: lan.parent, dhcp: lan.dhcp } } : {}),
    ...(hostNetwork ? { hostNetwork: true } : {}),
    nodeSubnets: network.nodeSubnets,
    podSubnets: network.podSubnets,
    serviceSubnets: network.serviceSubnets,
    apiAddress: address,
    ...(ports.api ? { apiPort: ports.api } : {}),
    ...(ports.registry ? { registryPort: ports.registry } : {}),
    cni: spec.network.cni,
    loadBalancer: network.loadBalancer,
  };
}

/** What all the rest stands on. @throws InputError with everything that is refused */
function decide({ wanted, spec, facts, kubernetes, previous, keep, there, planners }: Decision): {
  manager: ManagerName;
  network: ClusterNetwork;
} {
  const refusals = collectRefusals();
  refusals.attempt(() => {
    refuse(wanted, facts, kubernetes, { keep, there });
  });
  const manager = refusals.attempt(() => previous?.manager ?? chooseManager(spec, facts, planners));
  const network = refusals.attempt(() => planClusterNetwork(spec, facts, previous, keep));
  refusals.check();
  if (!manager || !network) throw new Error('what could not be decided was not told');
  return { manager: manager.value, network: network.value };
}

interface Decision {
  wanted: ClusterSpec;
  /** Without what the host does not have. */
  spec: ClusterSpec;
  facts: PlanInputs;
  kubernetes: KubernetesChoice;
  previous: ClusterPlan | undefined;
  keep: Keep;
  there: ReadonlySet<string>;
  planners: ManagerPlanners;
}

/** What no plan can make work here. */
function refuse(
  spec: ClusterSpec,
  facts: HostFacts,
  kubernetes: KubernetesChoice,
  { keep, there }: { keep: Keep; there: ReadonlySet<string> },
): void {
  const versions = [kubernetes.cluster, ...Object.values(kubernetes.nodes)].map(({ version }) => version);
  const problems = [
    ...hostPathProblems(spec, facts, there),
    ...kernelProblems(spec, facts, versions),
    ...versionProblems(
      spec,
      (node) => versionOfNode(kubernetes, node),
      (node) =>
        componentsOfNode(node, {
          kept: keep.components,
          chosen: kubernetes.components,
          image: spec.image,
        }),
    ),
  ];
  if (problems.length > 0) throw new InputError('the cluster cannot be made', problems);
}

function layersOf(
  { machine, kubernetes }: PlacedNode,
  spec: ClusterSpec,
  facts: HostFacts,
  keep: Keep,
): PlannedLayer[] {
  const image = { ...spec.image, suite: suiteOf(machine.spec, spec.image) };
  return [
    ...imagesLayers(spec),
    kubernetesLayer(kubernetes, image.lock),
    ...componentLayers(machine.components),
    keep.rootfs?.[machine.name] ?? rootfsLayer(image, facts),
  ];
}

/** Users may come through a port of the host. */
function serverOf(port: PlannedPort | undefined, endpoint: string): string {
  if (port === undefined) return endpoint;
  const { listenAddress = '0.0.0.0', hostPort } = port;
  const here: Partial<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' };
  return `https://${urlHost(here[listenAddress] ?? listenAddress)}:${hostPort}`;
}
