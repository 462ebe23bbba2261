import semver from 'semver';

import type { Problem } from '../../errors.ts';
import type { ClusterSpec } from '../../spec/types.ts';
import { minorOf, newestMinor, oldestMinor } from './facts.ts';
import { fitPatch } from '../components/containerd-patches.ts';
import { componentsOfSuite } from '../node-components.ts';
import { containerdTraits } from './components.ts';
import { madeOf } from './problems.ts';
import type { ComponentsOf, VersionOf } from './problems.ts';
import { containerdWithRuntimeConfig } from './suites.ts';
import { versionTraits } from './traits.ts';

type Spec = Pick<ClusterSpec, 'nodes' | 'image' | 'network' | 'components'>;
type Made = ReturnType<typeof madeOf>[number] & { version: string };

/** What works, or may work, and is supported by nobody, or not for long. */
export function versionWarnings(
  spec: Spec,
  versionOf: VersionOf,
  componentsOf: ComponentsOf = (node) => componentsOfSuite(node, spec.image),
): Problem[] {
  const nodes = madeOf(spec, versionOf, componentsOf).filter(
    (made): made is Made => made.version !== undefined && minorOf(made.version) >= oldestMinor,
  );
  const warnings = [
    ...nodes.flatMap(newWarning),
    ...nodes.flatMap(runtimeWarning),
    ...skewWarnings(nodes),
    ...etcdWarning(nodes),
    ...patchWarnings(spec, nodes),
    ...proxyWarning(spec, nodes),
  ];
  return [...new Map(warnings.map((warning) => [`${warning.path} ${warning.message}`, warning])).values()];
}

function newWarning({ version, versionPath }: Made): Problem[] {
  if (minorOf(version) <= newestMinor) return [];
  return [
    {
      path: versionPath,
      message: `${version} is newer than what this knest knows: nodes are made as for v1.${newestMinor}`,
      hint: `if they do not become Ready, use v1.${newestMinor} or a newer knest`,
    },
  ];
}

/**
 * The end of the kubelet's fallback for containerd 1.x has been announced for 1.36, for 1.37 and for 1.38. So this is no
 * problem before a release without it is there, and nothing to warn of while the fallback works.
 */
function runtimeWarning({ version, versionPath, components }: Made): Problem[] {
  const { version: containerd, reason } = components.containerd ?? {};
  if (versionTraits(version).runtimeConfig !== 'required' || containerd === undefined) return [];
  if (semver.gte(containerd, containerdWithRuntimeConfig)) return [];
  const message =
    `${version} is announced to need containerd ${containerdWithRuntimeConfig} or newer, ` +
    `and this one is ${containerd} (${reason ?? ''}): its kubelet may not start`;
  return [
    {
      path: versionPath,
      message,
      hint: 'leave components.containerd.source out, or use an older Kubernetes',
    },
  ];
}

/** Members of several lines work together as the oldest of them, which is meant for the time of an upgrade. */
function etcdWarning(nodes: readonly Made[]): Problem[] {
  const versions = nodes.flatMap(({ components }) => components.etcd?.version ?? []).sort(semver.compare);
  const [oldest, newest] = [versions[0], versions.at(-1)];
  if (oldest === undefined || newest === undefined) return [];
  if (semver.major(oldest) === semver.major(newest) && semver.minor(oldest) === semver.minor(newest))
    return [];
  const message = `control planes have etcd ${oldest} to ${newest}, which is meant for the time of an upgrade`;
  return [{ path: 'components.etcd', message, hint: 'use one suite for all of them, or one version' }];
}

/** Patches of containerd's configuration that nodes do without. */
function patchWarnings({ components }: Spec, nodes: readonly Made[]): Problem[] {
  return components.containerd.configPatches.flatMap((patch, index) =>
    nodes.flatMap((made) => {
      const { version } = made.components.containerd ?? {};
      const fitted = fitPatch(patch, containerdTraits(version));
      return fitted.problems.map((problem) => ({
        path: `components.containerd.configPatches[${index}]`,
        message: `with containerd ${version ?? 'of the suite'}, ${problem}`,
        ...(fitted.hint === undefined ? {} : { hint: fitted.hint }),
      }));
    }),
  );
}

/** https://kubernetes.io/releases/version-skew-policy: for kubelets, and among API servers. */
function skewWarnings(nodes: readonly Made[]): Problem[] {
  const byAge = nodes
    .filter(({ node }) => node.role === 'control-plane')
    .sort((a, b) => semver.compare(a.version, b.version));
  const [oldest, newest] = [byAge[0], byAge.at(-1)];
  if (!oldest || !newest) return [];
  const allowed = versionTraits(newest.version).kubeletSkew;
  return nodes.flatMap(({ node, version, versionPath: path }) => {
    if (minorOf(version) > minorOf(oldest.version)) {
      const message = `${version} is newer than ${oldest.version} of a control plane`;
      return [
        node.role === 'control-plane' && minorOf(version) - minorOf(oldest.version) <= 1
          ? { path, message: `${message}; that is meant for the time of an upgrade`, hint: 'use one version' }
          : { path, message, hint: 'Kubernetes supports kubelets that are as old or older' },
      ];
    }
    if (minorOf(newest.version) - minorOf(version) <= allowed) return [];
    const message = `${version} is more than ${allowed} minor versions older than ${newest.version} of a control plane`;
    return [{ path, message, hint: `use v1.${minorOf(newest.version) - allowed} or newer` }];
  });
}

function proxyWarning({ network }: Spec, nodes: readonly Made[]): Problem[] {
  const deprecating = nodes.find(({ version }) => versionTraits(version).proxyIpvsDeprecated);
  if (network.proxyMode !== 'ipvs' || !deprecating) return [];
  const message = `ipvs is deprecated since Kubernetes v1.35, and a node has ${deprecating.version}`;
  return [{ path: 'network.proxyMode', message, hint: 'use auto or nftables' }];
}
