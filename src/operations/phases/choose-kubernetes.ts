import { resolveKubernetes } from '../../artifacts/sources/resolve.ts';
import { InputError } from '../../errors.ts';
import type { HostFacts } from '../../facts/types.ts';
import type { Keep } from '../../plan/keep.ts';
import type { KubernetesChoice, ResolvedKubernetes } from '../../plan/types.ts';
import type { ClusterSpec } from '../../spec/types.ts';
import type { Session } from '../session.ts';

/**
 * Decides which Kubernetes the cluster and single nodes get, and from where.
 * @param keep what of the cluster that is there stays as it is
 * @throws InputError for versions and binaries that cannot be had
 */
export async function chooseKubernetes(
  session: Session,
  spec: ClusterSpec,
  facts: HostFacts,
  keep: Keep = {},
): Promise<KubernetesChoice> {
  const { host, paths, signal, workstation } = session;
  const context = { host, user: workstation, paths, signal };
  const cluster = keep.kubernetes?.cluster ?? (await resolveKubernetes(spec, facts, context));
  const nodes = new Map<string, ResolvedKubernetes>();
  for (const [index, { name, kubernetes }] of spec.nodes.entries()) {
    const present = keep.kubernetes?.nodes[name];
    if (present) nodes.set(name, present);
    else if (kubernetes) {
      const own = { ...spec, kubernetes: { ...spec.kubernetes, ...kubernetes } };
      nodes.set(name, await resolveKubernetes(own, facts, context).catch(ofNode(index)));
    }
  }
  return { cluster, nodes: Object.fromEntries(nodes) };
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
