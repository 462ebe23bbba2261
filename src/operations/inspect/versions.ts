import semver from 'semver';

import { listLayers } from '../../artifacts/layer-info.ts';
import { labelledRelease, openReleaseServer } from '../../artifacts/sources/release.ts';
import type { ReleaseServer } from '../../artifacts/sources/release.ts';
import { InputError, KnestError } from '../../errors.ts';
import { pickProxies } from '../../observe/host/gather.ts';
import { gatherKernel } from '../../observe/host/kernel.ts';
import { nextLine, upgradesOf } from '../../plan/versions/skew.ts';
import { debianSources } from '../../plan/versions/source-versions.ts';
import { versionLabel, versionLine } from '../../spec/kubernetes-version.ts';
import { urlProblem } from '../../spec/values.ts';
import { readClusters } from '../find-machines.ts';
import { openSession } from '../session.ts';
import type { Session } from '../session.ts';
import type { Context } from '../types.ts';

export interface SourceVersions {
  source: 'release' | 'debian';
  /** The server's URL, or "Debian". */
  from: string;
  versions: readonly {
    version: string;
    /** Of the release server ("stable", "stable-1.36"), or suites of Debian. */
    labels: readonly string[];
  }[];
  /** Why nothing is known of it. */
  problem?: string;
}

export interface CachedVersion {
  version: string;
  /** What it was made from: "release", "debian" or "directory". */
  source: string;
  /** The server's URL, the suite, or the directory. */
  from: string;
  layer: string;
  /** ISO 8601. */
  built: string;
}

export interface ClusterVersion {
  name: string;
  version: string;
  /** Versions of its nodes, the newest first; several where nodes were given their own. */
  nodes: readonly string[];
  /** The line after its own, "v1.36": control planes cannot skip one. */
  next: string;
  /** Versions at hand that its control planes can be brought to now, the newest first. */
  upgrades: readonly string[];
}

export interface KubernetesVersions {
  sources: readonly SourceVersions[];
  cached: readonly CachedVersion[];
  clusters: readonly ClusterVersion[];
}

/** Milliseconds for each answer of the release server. */
const patience = 3_000;
/** How many lines the project maintains: the newest three, and a fourth for a while. */
const maintainedLines = 4;

/**
 * Which versions of Kubernetes there are: in the sources, in the cache, in clusters. A release server that does not answer
 * is a warning.
 * @param options releaseMirror: as --release-mirror
 * @throws InputError for a mirror that is no URL
 */
export async function listVersions(
  options: Context & { releaseMirror?: string } = {},
): Promise<KubernetesVersions> {
  const session = openSession(options);
  const { host, paths } = session;
  const problem = options.releaseMirror === undefined ? undefined : urlProblem(options.releaseMirror);
  if (problem !== undefined) {
    throw new InputError('The flags', [{ path: '--release-mirror', message: problem }]);
  }
  const [{ arch }, records, layers] = await Promise.all([
    gatherKernel(host),
    readClusters(session),
    listLayers(paths, host),
  ]);
  const lines = records
    .flatMap(({ plan }) => [versionLine(plan.kubernetesVersion), nextLine(plan.kubernetesVersion)])
    .filter((line) => line !== undefined);
  const release = await releaseVersions(session, arch, options.releaseMirror, lines);
  const debian: SourceVersions = {
    source: 'debian',
    from: 'Debian',
    versions: debianSources.map(({ version, suite }) => ({ version, labels: [suite] })),
  };
  const cached = layers.flatMap(({ id, kind, version, source, built, ...layer }): CachedVersion[] => {
    if (kind !== 'kubernetes' || layer.arch !== arch || version === undefined || !source) return [];
    return [{ version, source: source.kind, from: originOf(source), layer: id, built }];
  });
  const available = [...release.versions, ...debian.versions, ...cached].map(({ version }) => version);
  return {
    sources: [release, debian],
    cached,
    clusters: records.map(({ plan }) => ({
      name: plan.cluster,
      version: plan.kubernetesVersion,
      nodes: newestFirst(plan.machines.map(({ kubernetesVersion }) => kubernetesVersion)),
      next: nextLine(plan.kubernetesVersion),
      upgrades: upgradesOf(plan.machines, available),
    })),
  };
}

/** @param lines that are of interest besides those that are maintained */
async function releaseVersions(
  { workstation, listener, signal }: Session,
  arch: string,
  mirror: string | undefined,
  lines: readonly string[],
): Promise<SourceVersions> {
  const proxyEnvironment = pickProxies(workstation.env);
  const server = await openReleaseServer({ mirror, arch, proxyEnvironment, timeout: patience, signal });
  try {
    return { source: 'release', from: server.baseUrl, versions: await labelsOf(server, lines) };
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof KnestError)) throw error;
    listener({ type: 'note', level: 'warning', message: error.message });
    return { source: 'release', from: server.baseUrl, versions: [], problem: error.message };
  } finally {
    await server.client.destroy();
  }
}

async function labelsOf(
  server: ReleaseServer,
  lines: readonly string[],
): Promise<SourceVersions['versions']> {
  const ask = async (label: string) => ({ label, version: await labelledRelease(server, label) });
  const newest = await Promise.all([ask('stable'), ask('latest')]);
  const stable = semver.parse(newest[0].version);
  const maintained = stable
    ? Array.from({ length: maintainedLines }, (_, back) => `v${stable.major}.${stable.minor - back}`)
    : [];
  const wanted = new Set([...maintained, ...lines].flatMap((line) => versionLabel(line) ?? []));
  const found = new Map<string, string[]>();
  for (const { label, version } of [...newest, ...(await Promise.all([...wanted].map(ask)))]) {
    if (version !== undefined) found.set(version, [...(found.get(version) ?? []), label]);
  }
  return newestFirst([...found.keys()]).map((version) => ({ version, labels: found.get(version) ?? [] }));
}

function originOf(source: NonNullable<Awaited<ReturnType<typeof listLayers>>[number]['source']>): string {
  switch (source.kind) {
    case 'release':
      return source.baseUrl;
    case 'debian':
      return source.suite;
    case 'directory':
      return source.directory;
  }
}

function newestFirst(versions: readonly string[]): string[] {
  return [...new Set(versions)].sort((a, b) =>
    semver.valid(a) && semver.valid(b) ? semver.rcompare(a, b) : 0,
  );
}
