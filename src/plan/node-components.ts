import semver from 'semver';

import type { ClusterSpec, ComponentName, NodeSpec } from '../spec/types.ts';
import { componentNames } from '../spec/words.ts';
import type {
  ComponentLayer,
  KubernetesChoice,
  MachinePlan,
  NodeComponents,
  ResolvedComponent,
} from './types.ts';
import { componentTopics } from './versions/components.ts';
import { minorOf, valueAt } from './versions/facts.ts';
import { containerdWithRuntimeConfig, criOfContainerd, knownSuite } from './versions/suites.ts';
import { versionTraits } from './versions/traits.ts';

/** As people call them. */
export const componentTitles: Readonly<Record<ComponentName, string>> = {
  containerd: 'containerd',
  runc: 'runc',
  cniPlugins: 'CNI plugins',
  etcd: 'etcd',
};

/** The suite of a node. */
export function suiteOf(
  node: Pick<NodeSpec, 'suite'>,
  { suite }: Pick<ClusterSpec['image'], 'suite'>,
): string {
  return node.suite ?? suite;
}

/** What a node's Debian suite has, as far as it is known. */
export function componentsOfSuite(
  node: Pick<NodeSpec, 'suite' | 'role'>,
  image: ClusterSpec['image'],
): NodeComponents {
  const name = suiteOf(node, image);
  const suite = knownSuite(name, image.mirror);
  const of = (component: ComponentName): ResolvedComponent => ({
    version: suite?.[component],
    reason: `of ${name}`,
  });
  return {
    containerd: of('containerd'),
    runc: of('runc'),
    cniPlugins: of('cniPlugins'),
    ...(node.role === 'control-plane' ? { etcd: of('etcd') } : {}),
  };
}

/** What a node has: what it keeps, else what was chosen for it, else its suite's. */
export function componentsOfNode(
  node: Pick<NodeSpec, 'name' | 'suite' | 'role'>,
  {
    kept,
    chosen,
    image,
  }: { kept: ByNode<Partial<NodeComponents>>; chosen: ByNode; image: ClusterSpec['image'] },
): NodeComponents {
  return { ...(chosen?.[node.name] ?? componentsOfSuite(node, image)), ...kept?.[node.name] };
}

type ByNode<T = NodeComponents> = Readonly<Record<string, T>> | undefined;

/**
 * Why a version of a component does not go with a version of Kubernetes.
 * @returns undefined: it does, or nobody knows
 */
export function unfitReason(
  component: ComponentName,
  version: string | undefined,
  kubernetesVersion: string,
): string | undefined {
  if (version === undefined) return undefined;
  if (component === 'containerd') return unfitContainerd(version, kubernetesVersion);
  const least = valueAt(componentTopics.leastEtcd, minorOf(kubernetesVersion));
  if (component !== 'etcd' || semver.gte(version, least)) return undefined;
  return `Kubernetes ${kubernetesVersion} needs etcd ${least} or newer`;
}

function unfitContainerd(version: string, kubernetesVersion: string): string | undefined {
  const { criVersions, runtimeConfig } = versionTraits(kubernetesVersion);
  if (!criVersions.some((cri) => servesCri(version, cri)))
    return `the kubelet of ${kubernetesVersion} speaks CRI ${criVersions.join(', ')} only`;
  if (runtimeConfig !== 'required' || semver.gte(version, containerdWithRuntimeConfig)) return undefined;
  return `Kubernetes ${kubernetesVersion} is announced to need containerd ${containerdWithRuntimeConfig} or newer`;
}

/** Whether a containerd serves a version of the CRI. */
export function servesCri(containerd: string, cri: keyof typeof criOfContainerd): boolean {
  const { since, before } = criOfContainerd[cri];
  return semver.gte(containerd, since) && (before === undefined || semver.lt(containerd, before));
}

/** The components of a node that have layers of their own. */
export function componentLayers(components: NodeComponents): ComponentLayer[] {
  return componentNames.flatMap((name) => components[name]?.layer ?? []);
}

/** As a machine's plan has them. */
export function plannedComponents(components: NodeComponents): NonNullable<MachinePlan['components']> {
  return Object.fromEntries(
    componentNames.flatMap((name) => {
      const component = components[name];
      if (!component) return [];
      const { version, layer, reason } = component;
      return [
        [
          name,
          { ...(version === undefined ? {} : { version }), ...(layer ? { layer: layer.id } : {}), reason },
        ],
      ];
    }),
  );
}

/** What of the nodes is not of their suite, and why, each once: "containerd 2.3.4: github.com: asked for". */
export function componentsInWords({ components = {} }: Pick<KubernetesChoice, 'components'>): string[] {
  const lines = Object.values(components).flatMap((ofNode) =>
    componentNames.flatMap((name) => {
      const { version, layer, reason } = ofNode[name] ?? {};
      return layer ? [`${[componentTitles[name], version].join(' ').trim()}: ${reason ?? ''}`] : [];
    }),
  );
  return [...new Set(lines)];
}
