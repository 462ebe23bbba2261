/** One step of an upgrade, as spec and as what the new plan keeps of the present one. */

import type {
  ClusterSpec,
  ComponentName,
  ComponentOrigin,
  KubernetesSource,
  NodeSpec,
} from '../spec/types.ts';
import { keepOf } from './keep.ts';
import type { Keep } from './keep.ts';
import { kubernetesLayer } from './kubernetes-layer.ts';
import { suiteOf, unfitReason } from './node-components.ts';
import type { ClusterPlan, NodeComponents, PlannedLayer, ResolvedKubernetes } from './types.ts';

/** What the nodes of a step are to have; what is not said stays. */
export interface UpgradeStep {
  /** Their names. */
  nodes: readonly string[];
  kubernetes?: { resolved: ResolvedKubernetes; source: KubernetesSource } | undefined;
  /** Debian suite. */
  suite?: string | undefined;
  /** Where components come from; those of the nodes are chosen anew. */
  components?: Readonly<Partial<Record<ComponentName, ComponentOrigin>>> | undefined;
}

/**
 * The spec after a step. The cluster's version and suite are those of its control planes; nodes that lag behind get
 * their own, in words of the config file, so that nothing about them is left to what happens to run.
 * @param plan the present one
 */
export function specAfter(spec: ClusterSpec, plan: ClusterPlan, step: UpgradeStep): ClusterSpec {
  const { kubernetes, suite, components } = step;
  const isIn = ({ name }: NodeSpec): boolean => step.nodes.includes(name);
  const planes = spec.nodes.filter(({ role }) => role === 'control-plane');
  const all = planes.every(isIn);
  const clusterKubernetes =
    kubernetes && all
      ? { version: kubernetes.resolved.version, source: kubernetes.source }
      : { version: spec.kubernetes.version, source: spec.kubernetes.source };
  const clusterSuite = suite !== undefined && all ? suite : spec.image.suite;
  const kubernetesOf = (node: NodeSpec): NodeSpec['kubernetes'] => {
    if (!kubernetes) return node.kubernetes;
    if (isIn(node)) {
      return all ? undefined : { version: kubernetes.resolved.version, source: kubernetes.source };
    }
    if (node.kubernetes) return node.kubernetes;
    // it stays as it is, and the cluster's version is another one now
    const version = plan.machines.find(({ name }) => name === node.name)?.kubernetesVersion;
    return all ? { version, source: spec.kubernetes.source } : undefined;
  };
  const suiteAfter = (node: NodeSpec): string | undefined => {
    if (suite === undefined) return node.suite;
    const after = isIn(node) ? suite : suiteOf(node, spec.image);
    return after === clusterSuite ? undefined : after;
  };
  return {
    ...spec,
    kubernetes: { ...spec.kubernetes, ...clusterKubernetes },
    image: { ...spec.image, suite: clusterSuite },
    components: components
      ? { ...spec.components, sources: { ...spec.components.sources, ...components } }
      : spec.components,
    nodes: spec.nodes.map((node) => ({ ...node, kubernetes: kubernetesOf(node), suite: suiteAfter(node) })),
  };
}

/**
 * What the plan of a step keeps of the present one: everything but what the step is about. Containerd, runc, the CNI
 * plugins and etcd stay as they are unless they are asked for, belong to another suite, or do not go with the new
 * Kubernetes; then those that have to change are chosen anew.
 * @param spec the one after the step
 */
export function keepInStep(plan: ClusterPlan, spec: ClusterSpec, step: UpgradeStep): Keep {
  const present = keepOf(plan);
  const { kubernetes } = step;
  const all = spec.nodes.every(({ name, role }) => role === 'worker' || step.nodes.includes(name));
  const layers = new Map(Object.entries(present.layers ?? {}));
  const components = new Map(Object.entries(present.components ?? {}));
  const rootfs = new Map<string, PlannedLayer>();
  const versions: Record<string, ResolvedKubernetes> = { ...present.kubernetes?.nodes };
  for (const name of step.nodes) {
    if (kubernetes) versions[name] = kubernetes.resolved;
    const own = components.get(name) ?? {};
    const stay = step.suite === undefined ? staying(own, step) : {};
    const below = layers.get(name) ?? [];
    components.set(name, stay);
    if (Object.keys(stay).length < Object.keys(own).length) {
      layers.delete(name);
      const system = below.find(({ kind }) => kind === 'rootfs');
      if (step.suite === undefined && system) rootfs.set(name, system);
    } else if (kubernetes) {
      const fresh = kubernetesLayer(kubernetes.resolved, spec.image.lock);
      layers.set(
        name,
        below.map((layer) => (layer.kind === 'kubernetes' ? fresh : layer)),
      );
    }
  }
  const cluster = kubernetes && all ? kubernetes.resolved : present.kubernetes?.cluster;
  return {
    ...present,
    layers: Object.fromEntries(layers),
    components: Object.fromEntries(components),
    rootfs: Object.fromEntries(rootfs),
    kubernetes: { ...(cluster ? { cluster } : {}), nodes: versions },
  };
}

/** Components of a node that a step leaves as they are. */
function staying(
  components: Partial<NodeComponents>,
  { kubernetes, components: asked = {} }: UpgradeStep,
): Partial<NodeComponents> {
  const stay = Object.entries(components).filter(
    ([name, { version }]) =>
      asked[name as ComponentName] === undefined &&
      (!kubernetes || unfitReason(name as ComponentName, version, kubernetes.resolved.version) === undefined),
  );
  return Object.fromEntries(stay);
}
