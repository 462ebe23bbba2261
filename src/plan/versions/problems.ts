import semver from 'semver';

import type { Problem } from '../../errors.ts';
import type { ClusterSpec, NodeSpec } from '../../spec/types.ts';
import { componentsOfSuite, servesCri, suiteOf, unfitReason } from '../node-components.ts';
import type { NodeComponents, ResolvedKubernetes } from '../types.ts';
import { recommendedFor } from './components.ts';
import { removedEtcdFlags } from './etcd.ts';
import { minorOf, newestMinor, oldestMinor } from './facts.ts';
import { removedFlags } from './flags.ts';
import { knownSuite, suites } from './suites.ts';
import type { criOfContainerd } from './suites.ts';
import type { Suite } from './suites.ts';
import { versionTraits } from './traits.ts';

type Cri = keyof typeof criOfContainerd;

type Spec = Pick<ClusterSpec, 'nodes' | 'image' | 'components' | 'podSecurity'>;

/** Which Kubernetes a node gets, "v1.20.2"; undefined while that is not settled. */
export type VersionOf = (node: NodeSpec) => string | undefined;

/** As far as it is chosen. */
export function versionOfNode(
  { cluster, nodes }: { cluster?: Chosen | undefined; nodes?: Readonly<Record<string, Chosen>> },
  { name }: Pick<NodeSpec, 'name'>,
): string | undefined {
  return (nodes?.[name] ?? cluster)?.version;
}

type Chosen = Pick<ResolvedKubernetes, 'version'>;

/** What a node gets besides, as far as it is settled. */
export type ComponentsOf = (node: NodeSpec) => Partial<NodeComponents>;

/** A node with what it will consist of. */
interface Made {
  node: NodeSpec;
  version: string | undefined;
  components: Partial<NodeComponents>;
  suite: Suite | undefined;
  /** Where in the config its version is: what all nodes share is said of the cluster, once. */
  versionPath: string;
}

/**
 * What does not go together: Kubernetes' version, what the nodes have besides, the host's cgroups, and what a cluster wants
 * of Kubernetes. To be asked before anything is downloaded, built or written.
 */
export function versionProblems(
  spec: Spec,
  versionOf: VersionOf,
  componentsOf: ComponentsOf = (node) => componentsOfSuite(node, spec.image),
): Problem[] {
  const nodes = madeOf(spec, versionOf, componentsOf);
  const known = nodes.filter(({ version }) => version === undefined || minorOf(version) >= oldestMinor);
  const problems = [
    ...nodes.flatMap(ageProblem),
    ...known.flatMap(criProblem),
    ...known.flatMap((made) => etcdProblems(spec, made)),
    ...podSecurityProblem(spec, known),
    ...known.flatMap((made) => flagProblems(spec, made)),
  ];
  return [...new Map(problems.map((problem) => [problem.path, problem])).values()];
}

/** Every node with its version, where that comes from, and its suite. */
export function madeOf(
  { nodes, image }: Pick<ClusterSpec, 'nodes' | 'image'>,
  versionOf: VersionOf,
  componentsOf: ComponentsOf,
): Made[] {
  return nodes.map((node, index) => ({
    node,
    version: versionOf(node),
    components: componentsOf(node),
    suite: knownSuite(suiteOf(node, image), image.mirror),
    versionPath:
      node.kubernetes?.version === undefined ? 'kubernetesVersion' : `nodes[${index}].kubernetesVersion`,
  }));
}

function ageProblem({ version, versionPath }: Made): Problem[] {
  if (version === undefined || minorOf(version) >= oldestMinor) return [];
  return [
    {
      path: versionPath,
      message: `is ${version}, and knest knows Kubernetes from 1.${oldestMinor} to 1.${newestMinor}`,
      hint: `use v1.${oldestMinor}.0 or newer`,
    },
  ];
}

/** A kubelet and a containerd without a language in common. */
function criProblem({ version, versionPath, suite, components }: Made): Problem[] {
  const { version: containerd, layer } = components.containerd ?? {};
  if (version === undefined || containerd === undefined) return [];
  const { criVersions } = versionTraits(version);
  if (understand(containerd, criVersions)) return [];
  const names = suites.filter((one) => understand(one.containerd, criVersions)).map(({ name }) => name);
  const newer = laterMinors(version).find((minor) =>
    understand(containerd, versionTraits(`v1.${minor}.0`).criVersions),
  );
  return [
    {
      path: versionPath,
      message:
        `is ${version}, whose kubelet speaks CRI ${criVersions.join(', ')} only, ` +
        `and containerd ${containerd} ${layer ? 'from elsewhere' : `of ${suite?.name ?? 'its suite'}`} does not`,
      hint:
        (layer
          ? `use containerd ${recommendedFor('containerd', version)}: components.containerd.version`
          : `use --suite ${names.reverse().join(' or ')}`) +
        (newer === undefined ? '' : `, or Kubernetes v1.${newer}.0 or newer`),
    },
  ];
}

function laterMinors(version: string): number[] {
  const first = minorOf(version) + 1;
  return Array.from({ length: Math.max(0, newestMinor - first + 1) }, (_, index) => first + index);
}

function understand(containerd: string, spoken: readonly Cri[]): boolean {
  return spoken.some((cri) => servesCri(containerd, cri));
}

/** An etcd that the API server does not work with, and flags with which it would not start. */
function etcdProblems({ components: settings }: Spec, { version, components, node }: Made): Problem[] {
  const etcd = components.etcd?.version;
  if (version === undefined || etcd === undefined) return [];
  const unfit = unfitReason('etcd', etcd, version);
  const gone = removedEtcdFlags.filter(({ since }) => semver.gte(etcd, since));
  return [
    ...(unfit === undefined
      ? []
      : [
          {
            path: 'components.etcd',
            message: `${unfit}, and that of ${node.name} is ${etcd}`,
            hint: `use --etcd ${recommendedFor('etcd', version)}, or another suite`,
          },
        ]),
    ...gone.flatMap(({ flags, since, instead }) =>
      flags
        .filter((flag) => settings.etcd.extraArgs[flag] !== undefined)
        .map((flag) => ({
          path: `components.etcd.extraArgs.${flag}`,
          message: `is a flag that etcd has before ${since} only, and ${node.name} has ${etcd}`,
          hint: instead,
        })),
    ),
  ];
}

function podSecurityProblem({ podSecurity }: Spec, nodes: readonly Made[]): Problem[] {
  const tooOld = nodes.find(
    ({ node, version }) =>
      node.role === 'control-plane' &&
      version !== undefined &&
      versionTraits(version).podSecurityApi === undefined,
  );
  if (podSecurity === undefined || tooOld?.version === undefined) return [];
  return [
    {
      path: 'podSecurity',
      message: `is of Pod Security Admission, which Kubernetes has from v1.22 on, and a control plane has ${tooOld.version}`,
      hint: 'leave it out, or use a newer kubernetesVersion',
    },
  ];
}

/** Flags with which a component of this version would not start. */
function flagProblems({ components, nodes }: Spec, { node, version }: Made): Problem[] {
  if (version === undefined) return [];
  const minor = minorOf(version);
  const own = `nodes[${nodes.indexOf(node)}].kubelet.extraArgs`;
  return removedFlags
    .filter(({ until }) => minor > until)
    .flatMap(({ component, flags, until, instead }) => {
      if (component !== 'kubelet' && node.role !== 'control-plane') return [];
      const places = [
        { path: `components.${component}.extraArgs`, args: components[component].extraArgs },
        ...(component === 'kubelet' ? [{ path: own, args: node.kubelet.extraArgs }] : []),
      ];
      return places.flatMap(({ path, args }) =>
        flags
          .filter((flag) => args[flag] !== undefined)
          .map((flag) => ({
            path: `${path}.${flag}`,
            message: `is a flag that Kubernetes has until v1.${until} only, and ${node.name} has ${version}`,
            hint: instead,
          })),
      );
    });
}
