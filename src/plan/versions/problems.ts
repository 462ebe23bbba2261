import type { Problem } from '../../errors.ts';
import type { ClusterSpec } from '../../spec/types.ts';
import type { KubernetesChoice } from '../types.ts';
import { versionTraits } from './traits.ts';

/** What a cluster wants of Kubernetes, and its version does not have. */
export function versionProblems(
  { nodes, podSecurity }: Pick<ClusterSpec, 'nodes' | 'podSecurity'>,
  kubernetes: KubernetesChoice,
): Problem[] {
  const versions = nodes
    .filter(({ role }) => role === 'control-plane')
    .map(({ name }) => (kubernetes.nodes[name] ?? kubernetes.cluster).version);
  const tooOld = versions.find((version) => versionTraits(version).podSecurityApi === undefined);
  if (podSecurity === undefined || tooOld === undefined) return [];
  return [
    {
      path: 'podSecurity',
      message: `is of Pod Security Admission, which Kubernetes has from v1.22 on, and a control plane has ${tooOld}`,
      hint: 'leave it out, or use a newer kubernetesVersion',
    },
  ];
}
