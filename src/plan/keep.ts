import { componentsOfSuite } from './node-components.ts';
import type {
  ClusterPlan,
  KubernetesChoice,
  MachinePlan,
  NodeComponents,
  PlannedLayer,
  PlannedSysctl,
  ResolvedKubernetes,
} from './types.ts';

/**
 * What a new plan of a cluster that is there takes over from the present plan instead of choosing it anew. Addresses,
 * subnets and places are not here: a living cluster cannot have others, so planning always takes them over.
 */
export interface Keep {
  /** Versions and sources of Kubernetes: of the cluster, and of its machines by name. */
  kubernetes?: { cluster?: ResolvedKubernetes; nodes: KubernetesChoice['nodes'] };
  /** What machines have besides Kubernetes, by their names. */
  components?: Readonly<Record<string, NodeComponents>>;
  /** What machines stand on, by their names, topmost layer first. */
  layers?: Readonly<Record<string, readonly PlannedLayer[]>>;
  /** Paths of the host that machines see, by their names: a device that came later does not make them start anew. */
  binds?: Readonly<Record<string, readonly string[]>>;
  /** Kernel settings with the values that the host had before the cluster came. */
  sysctls?: readonly PlannedSysctl[];
}

/** Everything: machines that are there stay as they are, also when this knest would choose otherwise today. */
export function keepOf(present: ClusterPlan): Keep {
  const cluster = kubernetesLayerOf(present);
  const nodes = present.machines.flatMap((machine): [string, ResolvedKubernetes][] => {
    const layer = layersOf(present, machine).find(isKubernetes);
    return layer ? [[machine.name, resolved(present, layer)]] : [];
  });
  return {
    kubernetes: {
      ...(cluster ? { cluster: resolved(present, cluster) } : {}),
      nodes: Object.fromEntries(nodes),
    },
    components: Object.fromEntries(
      present.machines.map((machine) => [machine.name, componentsOf(present, machine)]),
    ),
    layers: Object.fromEntries(present.machines.map((machine) => [machine.name, layersOf(present, machine)])),
    binds: Object.fromEntries(
      present.machines.map(({ name, binds }) => [name, binds.map(({ source }) => source)]),
    ),
    sysctls: present.host.sysctls,
  };
}

/** Plans of older versions do not say: their machines have what their suite has. */
function componentsOf(present: ClusterPlan, machine: MachinePlan): NodeComponents {
  const layers = layersOf(present, machine);
  const rootfs = layers.find((layer) => layer.kind === 'rootfs');
  const ofSuite = componentsOfSuite(
    { suite: rootfs?.suite, role: machine.role },
    { suite: '', mirror: rootfs?.mirror },
  );
  const planned = Object.entries(machine.components ?? {}).map(([name, { version, reason }]) => {
    const layer = layers.find((one) => one.kind === 'component' && one.component === name);
    return [name, { version, reason, ...(layer ? { layer } : {}) }];
  });
  return { ...ofSuite, ...(Object.fromEntries(planned) as Partial<NodeComponents>) };
}

export type KubernetesLayer = Extract<PlannedLayer, { kind: 'kubernetes' }>;

/** The layer with the cluster's own Kubernetes; undefined where every single node was given another one. */
export function kubernetesLayerOf({
  layers,
  kubernetesLayer,
}: Pick<ClusterPlan, 'layers' | 'kubernetesLayer'>): KubernetesLayer | undefined {
  return layers.find(
    (layer): layer is KubernetesLayer => isKubernetes(layer) && layer.id === kubernetesLayer,
  );
}

function layersOf({ layers }: ClusterPlan, machine: MachinePlan): PlannedLayer[] {
  return machine.layers.flatMap((id) => layers.filter((layer) => layer.id === id));
}

function isKubernetes(layer: PlannedLayer): layer is KubernetesLayer {
  return layer.kind === 'kubernetes';
}

function resolved({ kubernetesReason: reason }: ClusterPlan, layer: KubernetesLayer): ResolvedKubernetes {
  return { version: layer.version, source: layer.source, layerId: layer.id, reason };
}
