/** Which versions of Kubernetes an upgrade goes through, and where they come from. */

import semver from 'semver';

import { resolveDirectory } from '../../artifacts/sources/directory.ts';
import { resolveKubernetes } from '../../artifacts/sources/resolve.ts';
import type { ResolveContext } from '../../artifacts/sources/resolve.ts';
import { InputError } from '../../errors.ts';
import type { Problem } from '../../errors.ts';
import type { HostFacts } from '../../facts/types.ts';
import type { ResolvedKubernetes } from '../../plan/types.ts';
import { linesBetween } from '../../plan/versions/upgrade-path.ts';
import type { NodeToUpgrade } from '../../plan/versions/upgrade-path.ts';
import { fitsVersion, normalizeVersion, versionProblem } from '../../spec/kubernetes-version.ts';
import type { ClusterSpec, KubernetesSource } from '../../spec/types.ts';

export interface VersionOnTheWay {
  resolved: ResolvedKubernetes;
  /** As the spec will say it. */
  source: KubernetesSource;
}

export interface TargetRequest {
  spec: ClusterSpec;
  facts: HostFacts;
  nodes: readonly NodeToUpgrade[];
  /** "v1.36.2", "1.36", "stable"; undefined: the newest of the directories. */
  wanted: string | undefined;
  /** See UpgradeOptions. */
  directories: readonly string[];
  releaseMirror: string | undefined;
}

/**
 * One version of each line that the control planes have to pass, the oldest first and the wanted one last. All of them
 * must be at hand before anything begins.
 * @throws InputError with all that cannot be had
 */
export async function versionsOnTheWay(
  request: TargetRequest,
  context: ResolveContext,
): Promise<VersionOnTheWay[]> {
  const { wanted, nodes } = request;
  const problem = wanted === undefined ? undefined : versionProblem(wanted);
  if (problem !== undefined)
    throw new InputError('The flags', [{ path: '--kubernetes-version', message: problem }]);
  const offered = await offeredBy(request, context);
  const target = await resolveOne(wanted, request, offered, context);
  const ways = await Promise.allSettled(
    linesBetween(nodes, target.resolved.version).map((line) => resolveOne(line, request, offered, context)),
  );
  const problems = ways.flatMap((way): Problem[] => {
    if (way.status === 'fulfilled') return [];
    if (!(way.reason instanceof InputError)) throw way.reason;
    return way.reason.problems.map(({ message, hint, ...rest }) => ({
      ...rest,
      message: `${message}; control planes cannot leave a line out on the way to ${target.resolved.version}`,
      hint: hint ?? 'give a directory that has it as well: --source',
    }));
  });
  if (problems.length > 0) throw new InputError('Kubernetes', problems);
  return [...ways.flatMap((way) => (way.status === 'fulfilled' ? [way.value] : [])), target];
}

/** What the directories have, the newest first. */
async function offeredBy(
  { directories, facts }: TargetRequest,
  context: ResolveContext,
): Promise<ResolvedKubernetes[]> {
  const { host, paths, user } = context;
  const found: ResolvedKubernetes[] = [];
  for (const directory of directories) {
    for (const folder of await foldersIn(directory, user.local)) {
      found.push(
        await resolveDirectory(
          { directory: folder, version: undefined, arch: facts.arch },
          { local: user.local, host, paths },
        ),
      );
    }
  }
  return found.sort((a, b) => semver.rcompare(a.version, b.version));
}

/** The folder itself, or those in it that are called after a version, as the release server has them. */
async function foldersIn(directory: string, local: ResolveContext['user']['local']): Promise<string[]> {
  const names = (await local.list(directory)).filter((name) => semver.valid(name) !== null);
  return names.length === 0 ? [directory] : names.map((name) => `${directory}/${name}`);
}

async function resolveOne(
  wanted: string | undefined,
  { spec, facts, directories, releaseMirror }: TargetRequest,
  offered: readonly ResolvedKubernetes[],
  context: ResolveContext,
): Promise<VersionOnTheWay> {
  const version = wanted === undefined ? undefined : normalizeVersion(wanted);
  const found = offered.find((one) => fitsVersion(one.version, version));
  if (found) {
    const { source } = found;
    return {
      resolved: found,
      source: source.kind === 'directory' ? { directory: source.directory } : 'auto',
    };
  }
  if (directories.length > 0) {
    const message = `no Kubernetes ${version ?? ''} in ${directories.join(', ')}`;
    const there = offered.map((one) => one.version).join(', ');
    throw new InputError('Kubernetes', [{ path: '--source', message, hint: `there is ${there || 'none'}` }]);
  }
  const source = typeof spec.kubernetes.source === 'string' ? spec.kubernetes.source : 'auto';
  const own = {
    ...spec,
    kubernetes: {
      ...spec.kubernetes,
      ...{ version, source, releaseMirror: releaseMirror ?? spec.kubernetes.releaseMirror },
    },
  };
  return { resolved: await resolveKubernetes(own, facts, context), source };
}
