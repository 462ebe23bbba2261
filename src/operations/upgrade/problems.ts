/** What speaks against an upgrade, out of what was seen of the cluster. */

import type { EtcdState } from '../../observe/etcd-members.ts';
import type { DeprecatedRequest } from '../../observe/deprecated-apis.ts';
import type { KubernetesNode } from '../../observe/nodes.ts';
import { minorOf } from '../../plan/versions/facts.ts';
import { kindsWithoutSuccessor, removedApi } from '../../plan/versions/removed-apis.ts';
import type { UpgradeProblem } from './types.ts';

/** What was seen of a cluster that is to be upgraded. */
export interface Seen {
  etcd: EtcdState;
  /** undefined: the API server does not answer, for this reason. */
  api: { nodes: readonly KubernetesNode[] } | { problem: string };
  /** Names of the nodes that the cluster has. */
  expected: readonly string[];
  requests: readonly DeprecatedRequest[];
  /** How many objects there are of kinds that go without a successor, by resource. */
  objects: Readonly<Record<string, number>>;
  /** Custom resources with versions in etcd that their definitions do not have any more. */
  storedVersions: readonly { name: string; versions: readonly string[] }[];
}

/**
 * Everything that speaks against it, at once.
 * @param step versions of Kubernetes before and after; undefined: it stays
 */
export function healthProblems(
  { etcd, api, expected, requests, objects, storedVersions }: Seen,
  step: { from: string; to: string } | undefined,
): UpgradeProblem[] {
  return [
    ...etcdProblems(etcd),
    ...('problem' in api ? [silent(api.problem)] : nodeProblems(api.nodes, expected)),
    ...(step ? [...requestProblems(requests, step.to), ...objectProblems(objects, step)] : []),
    ...storedVersions.map(({ name, versions }): UpgradeProblem => ({
      check: 'stored-versions',
      message: `${name} may have objects stored as ${versions.join(', ')}, which its definition does not have`,
      hint: 'write its objects anew, then take the versions out of status.storedVersions',
    })),
  ];
}

function etcdProblems({ members, quorum }: EtcdState): UpgradeProblem[] {
  const ill = members.filter(({ ok, learner }) => !ok || learner);
  return ill.map(({ name, detail, learner }) => ({
    check: 'etcd',
    message: `etcd of ${name} is not well${quorum ? '' : ', and there is no quorum'}: ${detail || (learner ? 'it has no vote yet' : '')}`,
    hint: 'knest status cluster says more; one member after the other is restarted, and all others are needed then',
  }));
}

function silent(problem: string): UpgradeProblem {
  return {
    check: 'nodes',
    message: `the API server does not answer: ${problem}`,
    hint: 'start the cluster: knest start cluster',
  };
}

function nodeProblems(nodes: readonly KubernetesNode[], expected: readonly string[]): UpgradeProblem[] {
  return expected.flatMap((name): UpgradeProblem[] => {
    const node = nodes.find((one) => one.name === name);
    if (node?.ready) return [];
    const why = node?.conditions.find(({ type }) => type === 'Ready')?.message ?? '';
    return [
      {
        check: 'nodes',
        message: `node ${name} ${node ? `is not Ready${why === '' ? '' : ` (${why})`}` : 'is not registered'}`,
        hint: `knest logs ${name} kubelet; or delete the node: knest delete node ${name}`,
      },
    ];
  });
}

/** Where nothing takes its place, a garbage collector asks for it as well, and only objects count. */
function requestProblems(requests: readonly DeprecatedRequest[], to: string): UpgradeProblem[] {
  const unique = new Map(
    requests.map((one) => [[one.group, one.version, one.resource].join('/'), one] as const),
  );
  return [...unique.values()].flatMap(({ group, version, resource, removedIn }): UpgradeProblem[] => {
    const known = removedApi(group, version, resource);
    if (known && known.instead === undefined) return [];
    const removed = known?.removed ?? (removedIn === undefined ? Infinity : minorOf(`v${removedIn}.0`));
    if (removed > minorOf(to)) return [];
    const name = group === '' ? version : `${group}/${version}`;
    return [
      {
        check: 'apis',
        message: `somebody asks for ${resource} of ${name}, which Kubernetes does not have from 1.${removed} on`,
        hint:
          `let them use ${known?.instead ?? 'a newer version of it'}; ` +
          'an audit log says who it is (audit: true), and the count begins anew when the API servers do',
      },
    ];
  });
}

function objectProblems(
  objects: Readonly<Record<string, number>>,
  { from, to }: { from: string; to: string },
): UpgradeProblem[] {
  return kindsWithoutSuccessor(from, to).flatMap(({ resources, removed }) =>
    resources.flatMap((resource): UpgradeProblem[] => {
      const count = objects[resource] ?? 0;
      if (count === 0) return [];
      return [
        {
          check: 'objects',
          message: `there are ${resource} (${count}), which Kubernetes does not have from 1.${removed} on`,
          hint: `they have no effect then, and nobody can read them: delete them before`,
        },
      ];
    }),
  );
}
