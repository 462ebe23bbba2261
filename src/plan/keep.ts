import { differs } from '../formats/same-json.ts';
import type { ClusterSpec, NodeSpec } from '../spec/types.ts';
import { componentNames } from '../spec/words.ts';
import { componentsOfSuite, suiteOf } from './node-components.ts';
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
  /** What machines have besides Kubernetes, by their names; what is not in it is chosen anew. */
  components?: Readonly<Record<string, Partial<NodeComponents>>>;
  /** What machines stand on, by their names, topmost layer first. */
  layers?: Readonly<Record<string, readonly PlannedLayer[]>>;
  /** Their root file systems, where the other layers are chosen anew. */
  rootfs?: Readonly<Record<string, PlannedLayer>>;
  /** Paths of the host that machines see, by their names: a device that came later does not make them start anew. */
  binds?: Readonly<Record<string, readonly string[]>>;
  /** Kernel settings with the values that the host had before the cluster came. */
  sysctls?: readonly PlannedSysctl[];
  /** anew: addresses for Services of type LoadBalancer are not taken over. */
  loadBalancer?: 'anew';
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

/**
 * What a cluster keeps when it is brought to another spec: what the spec says of it is the same. So what knest chose by
 * itself when the cluster was made (the Kubernetes that "stable" was, the packages of that day) changes only with what
 * the user wants of it.
 * @param before the spec of the present plan
 */
export function keepFor(present: ClusterPlan, before: ClusterSpec, after: ClusterSpec): Keep {
  const all = keepOf(present);
  const staying = after.nodes.flatMap((node) => {
    const old = before.nodes.find(({ name }) => name === node.name);
    const machine = present.machines.find(({ name }) => name === node.name);
    return old && machine ? [{ name: node.name, old, node, machine }] : [];
  });
  const pick = <T>(
    from: Readonly<Record<string, T>> | undefined,
    keeps: (one: (typeof staying)[number]) => boolean,
  ): Record<string, T> =>
    Object.fromEntries(
      staying.filter(keeps).flatMap(({ name }) => {
        const kept = from?.[name];
        return kept === undefined ? [] : [[name, kept]];
      }),
    );
  const kubernetes = ({ old, node, machine }: (typeof staying)[number]): boolean =>
    isSameKubernetes(wantedKubernetes(old, before), wantedKubernetes(node, after), machine.kubernetesVersion);
  const image = ({ old, node }: { old: NodeSpec; node: NodeSpec }): boolean =>
    suiteOf(old, before.image) === suiteOf(node, after.image) &&
    !differs({ ...before.image, suite: '' }, { ...after.image, suite: '' });
  const origins = componentNames.filter((name) =>
    differs(before.components.sources?.[name], after.components.sources?.[name]),
  );
  const components = (one: (typeof staying)[number]): boolean => kubernetes(one) && image(one);
  const archives = !differs(before.images, after.images);
  const clusterStays = isSameKubernetes(
    ofKubernetes(before.kubernetes),
    ofKubernetes(after.kubernetes),
    present.kubernetesVersion,
  );
  return {
    kubernetes: {
      ...(clusterStays && all.kubernetes?.cluster ? { cluster: all.kubernetes.cluster } : {}),
      nodes: pick(all.kubernetes?.nodes, kubernetes),
    },
    components: mapValues(pick(all.components, components), (kept) =>
      Object.fromEntries(Object.entries(kept).filter(([name]) => !origins.some((one) => one === name))),
    ),
    layers: pick(all.layers, (one) => components(one) && origins.length === 0 && archives),
    rootfs: pick(rootfsOf(present), image),
    binds: pick(
      all.binds,
      ({ old, node }) =>
        !differs([old.extraMounts, old.devices, old.cdi], [node.extraMounts, node.devices, node.cdi]),
    ),
    ...(all.sysctls ? { sysctls: all.sysctls } : {}),
    ...(differs(before.network.loadBalancer, after.network.loadBalancer) ? { loadBalancer: 'anew' } : {}),
  };
}

/** Who asks for the very version that is there asks for no other one; where it came from is a matter of its source. */
function isSameKubernetes(
  before: ReturnType<typeof ofKubernetes>,
  after: ReturnType<typeof ofKubernetes>,
  present: string,
): boolean {
  if (differs(before.source, after.source) && after.source !== 'auto') return false;
  return before.version === after.version || after.version === present;
}

function wantedKubernetes(node: NodeSpec, { kubernetes }: ClusterSpec) {
  return ofKubernetes(node.kubernetes ?? kubernetes);
}

/** A mirror has the same. */
function ofKubernetes({ version, source }: Pick<ClusterSpec['kubernetes'], 'version' | 'source'>) {
  return { version, source };
}

function rootfsOf(present: ClusterPlan): Record<string, PlannedLayer> {
  return Object.fromEntries(
    present.machines.flatMap((machine) => {
      const layer = layersOf(present, machine).find(({ kind }) => kind === 'rootfs');
      return layer ? [[machine.name, layer]] : [];
    }),
  );
}

function mapValues<A, B>(record: Readonly<Record<string, A>>, change: (value: A) => B): Record<string, B> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]));
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
