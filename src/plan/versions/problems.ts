import semver from 'semver';

import type { Problem } from '../../errors.ts';
import type { ClusterSpec, NodeSpec } from '../../spec/types.ts';
import type { ResolvedKubernetes } from '../types.ts';
import { minorOf, newestMinor, oldestMinor } from './facts.ts';
import { removedFlags } from './flags.ts';
import { criOfContainerd, knownSuite, suites } from './suites.ts';
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

/** A node with what it will consist of. */
interface Made {
  node: NodeSpec;
  version: string | undefined;
  suite: Suite | undefined;
  /** Where in the config its version and its suite are: what all nodes share is said of the cluster, once. */
  versionPath: string;
  suitePath: string;
}

/**
 * What does not go together: Kubernetes' version, what the Debian suite of the nodes has, the host's cgroups, and what a
 * cluster wants of Kubernetes. To be asked before anything is downloaded, built or written.
 */
export function versionProblems(spec: Spec, versionOf: VersionOf): Problem[] {
  const nodes = madeOf(spec, versionOf);
  const known = nodes.filter(({ version }) => version === undefined || minorOf(version) >= oldestMinor);
  const problems = [
    ...nodes.flatMap(ageProblem),
    ...known.flatMap(criProblem),
    ...podSecurityProblem(spec, known),
    ...known.flatMap((made) => flagProblems(spec, made)),
  ];
  return [...new Map(problems.map((problem) => [problem.path, problem])).values()];
}

/** Every node with its version, its suite, and where both come from. */
export function madeOf({ nodes, image }: Pick<ClusterSpec, 'nodes' | 'image'>, versionOf: VersionOf): Made[] {
  return nodes.map((node, index) => ({
    node,
    version: versionOf(node),
    suite: knownSuite(node.suite ?? image.suite, image.mirror),
    versionPath:
      node.kubernetes?.version === undefined ? 'kubernetesVersion' : `nodes[${index}].kubernetesVersion`,
    suitePath: node.suite === undefined ? 'suite' : `nodes[${index}].suite`,
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
function criProblem({ version, versionPath, suite }: Made): Problem[] {
  if (version === undefined || !suite) return [];
  const { criVersions } = versionTraits(version);
  if (understand(suite, criVersions)) return [];
  const names = suites.filter((one) => understand(one, criVersions)).map(({ name }) => name);
  const newer = laterMinors(version).find((minor) =>
    understand(suite, versionTraits(`v1.${minor}.0`).criVersions),
  );
  return [
    {
      path: versionPath,
      message:
        `is ${version}, whose kubelet speaks CRI ${criVersions.join(', ')} only, ` +
        `and containerd ${suite.containerd} of ${suite.name} does not`,
      hint:
        `use --suite ${names.reverse().join(' or ')}` +
        (newer === undefined ? '' : `, or Kubernetes v1.${newer}.0 or newer`),
    },
  ];
}

function laterMinors(version: string): number[] {
  const first = minorOf(version) + 1;
  return Array.from({ length: Math.max(0, newestMinor - first + 1) }, (_, index) => first + index);
}

function understand(suite: Suite, spoken: readonly Cri[]): boolean {
  return spoken.some((cri) => serves(suite, cri));
}

function serves({ containerd }: Suite, cri: Cri): boolean {
  const { since, before } = criOfContainerd[cri];
  return semver.gte(containerd, since) && (before === undefined || semver.lt(containerd, before));
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
