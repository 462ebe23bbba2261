import type { HostFacts } from '../facts/types.ts';
import type { ClusterSpec } from '../spec/types.ts';
import { rootfsLayer } from './image.ts';
import { imagesLayers } from './images-layer.ts';
import { kubernetesLayer } from './kubernetes-layer.ts';
import { componentLayers, suiteOf } from './node-components.ts';
import type { KubernetesChoice, PlannedLayer, ResolvedKubernetes } from './types.ts';

/** Every layer that nodes of a spec would stand on, each once. @param spec with what is in its archives of images */
export function plannedLayers(spec: ClusterSpec, facts: HostFacts, choice: KubernetesChoice): PlannedLayer[] {
  return unique([
    ...choicesOf(spec, choice).map((one) => kubernetesLayer(one.choice, spec.image.lock)),
    ...Object.values(choice.components ?? {}).flatMap(componentLayers),
    ...suitesOf(spec).map((suite) => rootfsLayer({ ...spec.image, suite }, facts)),
    ...imagesLayers(spec),
  ]);
}

/** Each once, by its id. */
export function unique<Layer extends { id: string }>(layers: readonly Layer[]): Layer[] {
  return [...new Map(layers.map((layer) => [layer.id, layer])).values()];
}

/** Suites of all nodes. */
export function suitesOf({ nodes, image }: Pick<ClusterSpec, 'nodes' | 'image'>): string[] {
  return [...new Set(nodes.map((node) => suiteOf(node, image)))].sort();
}

/** Every Kubernetes that nodes are to have, with what was asked for. */
export function choicesOf(
  { kubernetes, nodes }: ClusterSpec,
  choice: KubernetesChoice,
): { wanted: string | undefined; choice: ResolvedKubernetes }[] {
  const own = nodes.flatMap(({ name, kubernetes: asked }) => {
    const found = choice.nodes[name];
    return asked && found ? [{ wanted: asked.version, choice: found }] : [];
  });
  return own.length === nodes.length ? own : [{ wanted: kubernetes.version, choice: choice.cluster }, ...own];
}
