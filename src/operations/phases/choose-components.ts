import { resolveComponent } from '../../artifacts/components/resolve.ts';
import type { ComponentContext, ComponentRequest } from '../../artifacts/components/resolve.ts';
import { InputError } from '../../errors.ts';
import type { Problem } from '../../errors.ts';
import type { HostFacts } from '../../facts/types.ts';
import type { Keep } from '../../plan/keep.ts';
import { lockedComponent } from '../../plan/locked-component.ts';
import { componentsOfSuite, suiteOf } from '../../plan/node-components.ts';
import type { KubernetesChoice, NodeComponents, ResolvedComponent } from '../../plan/types.ts';
import { versionOfNode } from '../../plan/versions/problems.ts';
import type { ClusterSpec, ComponentName, NodeSpec } from '../../spec/types.ts';
import type { Session } from '../session.ts';

type ChosenComponents = NonNullable<KubernetesChoice['components']>;

/**
 * Decides what each node runs besides Kubernetes, and where it comes from. A node that comes into a cluster gets what one of
 * the same suite and Kubernetes has, and etcd as the control planes have it. What is locked, that is.
 * @param keep what of the cluster that is there stays as it is
 * @throws InputError with all that cannot be had
 */
export async function chooseComponents(
  { host, paths, signal, workstation }: Pick<Session, 'host' | 'paths' | 'signal' | 'workstation'>,
  spec: ClusterSpec,
  facts: HostFacts,
  kubernetes: KubernetesChoice,
  keep: Keep = {},
): Promise<ChosenComponents> {
  const resolve = remembering({ host, user: workstation, paths, facts, signal });
  const present = keep.components ?? {};
  const chosen: Record<string, NodeComponents> = {};
  const problems: Problem[] = [];
  for (const node of spec.nodes) {
    const kept = present[node.name];
    const like = spec.nodes.find((other) => present[other.name] && areAlike(node, other, spec, kubernetes));
    try {
      chosen[node.name] = await componentsOf(node, spec, kubernetes, resolve, {
        ...(kept ?? (like && present[like.name])),
        etcd: kept?.etcd ?? etcdOf(present),
      });
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      problems.push(...error.problems);
    }
  }
  if (problems.length > 0) {
    const unique = new Map(problems.map((problem) => [`${problem.path} ${problem.message}`, problem]));
    throw new InputError('the cluster cannot be made', [...unique.values()]);
  }
  return chosen;
}

function areAlike(
  node: NodeSpec,
  other: NodeSpec,
  { image }: ClusterSpec,
  kubernetes: KubernetesChoice,
): boolean {
  return (
    suiteOf(node, image) === suiteOf(other, image) &&
    versionOfNode(kubernetes, node) === versionOfNode(kubernetes, other)
  );
}

/** One from elsewhere is for all control planes; that of the suite, each has of its own. */
function etcdOf(present: NonNullable<Keep['components']>): ResolvedComponent | undefined {
  return Object.values(present).find(({ etcd }) => etcd?.layer)?.etcd;
}

type Resolve = (request: ComponentRequest) => Promise<ResolvedComponent>;

async function componentsOf(
  node: NodeSpec,
  spec: ClusterSpec,
  kubernetes: KubernetesChoice,
  resolve: Resolve,
  known: { [Name in ComponentName]?: ResolvedComponent | undefined },
): Promise<NodeComponents> {
  const ofSuite = componentsOfSuite(node, spec.image);
  const kubernetesVersion = versionOfNode(kubernetes, node) ?? '';
  const suite = suiteOf(node, spec.image);
  const { lock } = spec.image;
  const { mirror } = spec.components;
  const decide = (
    component: ComponentName,
    suites: ResolvedComponent,
    containerd?: ResolvedComponent,
  ): Promise<ResolvedComponent> | ResolvedComponent =>
    known[component] ??
    (lock && lockedComponent(lock, component, { suite, kubernetes: kubernetesVersion }, suites, mirror)) ??
    resolve({ component, spec: spec.components, ofSuite: suites, kubernetesVersion, containerd });
  const containerd = await decide('containerd', ofSuite.containerd);
  return {
    containerd,
    runc: await decide('runc', ofSuite.runc, containerd),
    cniPlugins: await decide('cniPlugins', ofSuite.cniPlugins),
    ...(ofSuite.etcd ? { etcd: await decide('etcd', ofSuite.etcd) } : {}),
  };
}

/** Nodes ask the same: a server is asked once. */
function remembering(context: ComponentContext): Resolve {
  const answers = new Map<string, Promise<ResolvedComponent>>();
  return (request) => {
    const { component, ofSuite, kubernetesVersion, containerd } = request;
    const key = JSON.stringify([component, ofSuite, kubernetesVersion, containerd]);
    const answer = answers.get(key) ?? resolveComponent(request, context);
    answers.set(key, answer);
    return answer;
  };
}
