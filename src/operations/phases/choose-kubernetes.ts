import { resolveKubernetes } from '../../artifacts/sources/resolve.ts';
import { InputError } from '../../errors.ts';
import type { HostFacts } from '../../facts/types.ts';
import type { ClusterPlan, KubernetesChoice, ResolvedKubernetes } from '../../plan/types.ts';
import type { ClusterSpec } from '../../spec/types.ts';
import type { Session } from '../session.ts';

/**
 * Decides which Kubernetes the cluster and single nodes get, and from where. What is there already stays as it is.
 * @throws InputError for versions and binaries that cannot be had
 */
export async function chooseKubernetes(
  session: Session,
  spec: ClusterSpec,
  facts: HostFacts,
  previous?: ClusterPlan,
): Promise<KubernetesChoice> {
  const { host, paths, signal, workstation } = session;
  const context = { host, user: workstation, paths, signal };
  const cluster =
    (previous && known(previous, ({ version }) => version === previous.kubernetesVersion)) ??
    (await resolveKubernetes(spec, facts, context));
  const nodes = new Map<string, ResolvedKubernetes>();
  for (const [index, { name, kubernetes }] of spec.nodes.entries()) {
    const there = previous?.machines.find((machine) => machine.name === name);
    const present = previous && there && known(previous, ({ id }) => there.layers.includes(id));
    if (present) nodes.set(name, present);
    else if (kubernetes) {
      const own = { ...spec, kubernetes: { ...spec.kubernetes, ...kubernetes } };
      nodes.set(name, await resolveKubernetes(own, facts, context).catch(ofNode(index)));
    }
  }
  return { cluster, nodes: Object.fromEntries(nodes) };
}

type KubernetesLayer = Extract<ClusterPlan['layers'][number], { kind: 'kubernetes' }>;

/** What an earlier plan decided. */
function known(
  { layers, kubernetesReason: reason }: ClusterPlan,
  matches: (layer: KubernetesLayer) => boolean,
): ResolvedKubernetes | undefined {
  const layer = layers.find((one): one is KubernetesLayer => one.kind === 'kubernetes' && matches(one));
  return layer && { version: layer.version, source: layer.source, layerId: layer.id, reason };
}

/** The paths of problems begin at the node. */
function ofNode(index: number) {
  return (error: unknown): never => {
    if (!(error instanceof InputError)) throw error;
    const problems = error.problems.map((problem) => ({
      ...problem,
      path: `nodes[${index}].${problem.path}`,
    }));
    throw new InputError('Kubernetes', problems);
  };
}
