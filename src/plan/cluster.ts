import { InputError } from '../errors.ts';
import type { HostFacts } from '../facts/types.ts';
import { nthAddress, parseCidr, subnetsOf } from '../formats/cidr.ts';
import type { ClusterSpec, NodeRole, NodeSpec } from '../spec/types.ts';
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
import { operatingSystem } from './components/operating-system.ts';
import { podNetwork } from './components/pod-network.ts';
import { rootfsLayer } from './image.ts';
import { bridgeName } from './network/bridge.ts';
import { planHostNetwork } from './network/host-network.ts';
import { chooseSubnets, podPrefixOfNode } from './network/subnets.ts';
import { planLaunch } from './nspawn/launch.ts';
import { planPki } from './pki.ts';
import { planSysctls } from './sysctls.ts';
import type {
  ClusterPlan,
  ComponentPlan,
  MachinePlan,
  Paths,
  PlannedFile,
  PlannedLayer,
  ResolvedKubernetes,
} from './types.ts';
import { versionTraits } from './versions/traits.ts';

const components: readonly Component[] = [
  operatingSystem,
  etcd,
  kubeApiserver,
  kubeControllerManager,
  kubeScheduler,
  containerd,
  podNetwork,
  kubelet,
  kubeProxy,
  knestAgent,
];

/**
 * The whole plan of a cluster. Pure: the same spec, facts, Kubernetes and folders always give the same plan.
 * @throws InputError when the spec does not fit the host, KnestError (preflight) when the host has no room for it
 */
export function planCluster(
  spec: ClusterSpec,
  facts: HostFacts,
  kubernetes: ResolvedKubernetes,
  paths: Paths,
): ClusterPlan {
  refuseManager(spec);
  const bridge = bridgeName(spec.name);
  const subnets = chooseSubnets(spec.network, facts, spec.nodes.length, { ownBridge: bridge });
  const machines = addressMachines(spec, subnets);
  const controlPlanes = machines.filter(({ role }) => role === 'control-plane');
  const first = controlPlanes[0];
  if (!first) throw new Error('a validated spec has a control plane');
  const cluster: ClusterContext = {
    name: spec.name,
    kubernetesVersion: kubernetes.version,
    traits: versionTraits(kubernetes.version),
    podSubnet: subnets.podSubnet,
    serviceSubnet: subnets.serviceSubnet,
    apiServiceAddress: nthAddress(subnets.serviceSubnet, 1),
    dnsServiceAddress: nthAddress(subnets.serviceSubnet, 10),
    endpoint: `https://${first.address}:${apiPort}`,
    controlPlanes,
    facts,
  };
  const layers: PlannedLayer[] = [
    {
      kind: 'kubernetes',
      id: kubernetes.layerId,
      version: kubernetes.version,
      source: kubernetes.source,
    },
    rootfsLayer(spec.image, facts),
  ];
  const parts = machines.map((machine) => ({
    machine,
    parts: components.map((component) => component(machine, cluster)),
  }));
  return {
    version: 1,
    cluster: spec.name,
    kubernetesVersion: kubernetes.version,
    kubernetesReason: kubernetes.reason,
    manager: 'direct',
    endpoint: cluster.endpoint,
    context: `knest-${spec.name}`,
    network: { bridge, ...subnets },
    layers,
    pki: planPki(parts.flatMap((one) => one.parts)),
    host: {
      sysctls: planSysctls(facts),
      ...planHostNetwork(
        {
          cluster: spec.name,
          bridge,
          gateway: nthAddress(subnets.nodeSubnet, 1),
          prefixLength: parseCidr(subnets.nodeSubnet).prefix,
          routes: [
            ...machines.map(({ podSubnet, address }) => ({ subnet: podSubnet, via: address })),
            { subnet: subnets.serviceSubnet, via: first.address },
          ],
          ...subnets,
        },
        facts,
      ),
    },
    machines: parts.map(({ machine, parts: own }) =>
      assembleMachine(machine, own, { layers, bridge, facts, paths, cluster }),
    ),
  };
}

function refuseManager({ manager }: ClusterSpec): void {
  if (manager !== 'systemd') return;
  throw new InputError('the cluster cannot be made', [
    {
      path: 'manager',
      message: 'this version has no manager "systemd" yet',
      hint: 'use "direct" or "auto": knest starts the machines itself, on hosts with systemd as well',
    },
  ]);
}

/** kind's names: NAME-control-plane, NAME-control-plane2, ..., NAME-worker, NAME-worker2, ... */
export function machineNames(cluster: string, nodes: readonly NodeSpec[]): string[] {
  const seen: Record<NodeRole, number> = { 'control-plane': 0, worker: 0 };
  return nodes.map(({ role }) => {
    seen[role] += 1;
    return `${cluster}-${role}${seen[role] === 1 ? '' : seen[role]}`;
  });
}

function addressMachines(
  spec: ClusterSpec,
  subnets: { nodeSubnet: string; podSubnet: string },
): MachineContext[] {
  const names = machineNames(spec.name, spec.nodes);
  const podSubnets = subnetsOf(subnets.podSubnet, podPrefixOfNode);
  return spec.nodes.map(({ role }, index) => {
    const next = podSubnets.next();
    if (next.done) throw new Error('chooseSubnets leaves room for every node');
    return {
      name: names[index] ?? '',
      role,
      // .1 is the bridge itself
      address: nthAddress(subnets.nodeSubnet, index + 2),
      prefixLength: parseCidr(subnets.nodeSubnet).prefix,
      gateway: nthAddress(subnets.nodeSubnet, 1),
      podSubnet: next.value,
    };
  });
}

interface Surroundings {
  layers: readonly PlannedLayer[];
  bridge: string;
  facts: HostFacts;
  paths: Paths;
  cluster: ClusterContext;
}

function assembleMachine(
  machine: MachineContext,
  parts: readonly ComponentPlan[],
  { layers, bridge, facts, paths, cluster }: Surroundings,
): MachinePlan {
  const folder = `${paths.state}/machines/${machine.name}`;
  const place = { folder, root: `${folder}/root`, upper: `${folder}/upper`, work: `${folder}/work` };
  // overlayfs refuses an overlay as upper directory (containerd's snapshots), and etcd wants a plain file system
  const data = [
    'containerd',
    'kubelet',
    'knest-volumes',
    ...(machine.role === 'control-plane' ? ['etcd'] : []),
  ];
  const binds = [
    ...data.map((name) => ({ source: `${folder}/data/${name}`, target: `/var/lib/${name}` })),
    // for fuse file systems in pods
    { source: '/dev/fuse', target: '/dev/fuse' },
  ];
  const units = parts.flatMap((part) => part.units);
  return {
    ...machine,
    ...place,
    layers: layers.map(({ id }) => id),
    binds,
    files: uniqueFiles(parts.flatMap((part) => part.files)),
    units,
    probes: parts.flatMap((part) => part.probes),
    nodePatch: {
      metadata: { labels: roleLabels(machine.role, cluster) },
      spec: { podCIDR: machine.podSubnet, podCIDRs: [machine.podSubnet] },
    },
    launch: planLaunch(
      {
        ...place,
        name: machine.name,
        lower: layers.map(({ id }) => `${paths.cache}/layers/${id}`),
        binds,
        bridge,
      },
      facts,
    ),
  };
}

/** As kubeadm labels nodes; `kubectl get nodes` shows them as ROLES. A kubelet may not give itself such labels. */
function roleLabels(role: NodeRole, { traits }: ClusterContext): Record<string, string> {
  if (role === 'worker') return {};
  return {
    'node-role.kubernetes.io/control-plane': '',
    ...(traits.masterLabel ? { 'node-role.kubernetes.io/master': '' } : {}),
  };
}

/** Components share files (ca.crt): each is written once. */
function uniqueFiles(files: readonly PlannedFile[]): PlannedFile[] {
  return [...new Map(files.map((file) => [file.path, file])).values()].sort((a, b) =>
    a.path.localeCompare(b.path, 'en'),
  );
}
