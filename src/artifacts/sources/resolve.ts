import semver from 'semver';

import { firstMessage, InputError, KnestError } from '../../errors.ts';
import type { HostFacts } from '../../facts/types.ts';
import type { Host } from '../../host/types.ts';
import { lockedKubernetes } from '../../plan/kubernetes-layer.ts';
import type { Paths, ResolvedKubernetes } from '../../plan/types.ts';
import { debianSources } from '../../plan/versions/source-versions.ts';
import { fitsVersion, isVersionLabel, isWholeVersion, versionLabel } from '../../spec/kubernetes-version.ts';
import type { ClusterSpec } from '../../spec/types.ts';
import { normalizeUrl } from '../../spec/values.ts';
import type { UserSide } from '../types.ts';
import { listLayers } from '../layer-info.ts';
import type { LayerInfo } from '../layer-info.ts';
import { debianLayerId, findDebianSource } from './debian.ts';
import { resolveDirectory } from './directory.ts';
import {
  labelledRelease,
  openReleaseServer,
  releaseChecksums,
  releaseLayerId,
  unknownRelease,
} from './release.ts';
import type { ReleaseServer } from './release.ts';

export interface ResolveContext {
  host: Host;
  user: UserSide;
  paths: Paths;
  signal?: AbortSignal | undefined;
}

/** Milliseconds within which a release server must answer to be chosen by itself. */
const quick = 3_000;
/** The same when the user asked for it. */
const patient = 20_000;

/**
 * Decides where the Kubernetes binaries come from, and which version they are. Nothing is downloaded yet.
 *
 * What is locked, that is. `auto`: what the cache holds (fast, and works offline), else the release server if it answers, else Debian. What a
 * label stands for changes, so for "stable" the server is asked first.
 * @throws InputError for versions and binaries that cannot be had (paths `kubernetesVersion`, `source`); KnestError
 *   when the release server was asked for and does not answer
 */
export async function resolveKubernetes(
  spec: ClusterSpec,
  facts: HostFacts,
  context: ResolveContext,
): Promise<ResolvedKubernetes> {
  const { source, version } = spec.kubernetes;
  const locked = lockedKubernetes(spec, facts);
  if (locked) return locked;
  if (source === 'release') return resolveRelease(spec, facts, context);
  if (source === 'debian') return resolveDebian(spec, facts, context, 'asked for');
  if (source !== 'auto') {
    const { host, paths, user } = context;
    const { directory } = source;
    return resolveDirectory({ directory, version, arch: facts.arch }, { local: user.local, host, paths });
  }
  const asksFirst = version !== undefined && isVersionLabel(version);
  const cached = asksFirst ? undefined : await findCached(spec, facts, context);
  if (cached) return cached;
  const server = await releaseServer(spec, facts, quick, context.signal);
  try {
    return await askRelease(server, version, 'it answers');
  } catch (error) {
    context.signal?.throwIfAborted();
    if (!(error instanceof KnestError)) throw error;
    return await withoutRelease(error, spec, facts, context);
  } finally {
    await server.client.destroy();
  }
}

/** A layer of the version wanted, or Debian, if that is it. */
async function withoutRelease(
  problem: KnestError,
  spec: ClusterSpec,
  facts: HostFacts,
  context: ResolveContext,
): Promise<ResolvedKubernetes> {
  const why = firstMessage(problem);
  const cached = await findCached(spec, facts, context);
  if (cached) return { ...cached, reason: `${why}; ${cached.reason}` };
  if (findDebianSource(spec.kubernetes.version)) return resolveDebian(spec, facts, context, why);
  const inCache = kubernetesLayers(await listLayers(context.paths, context.host), facts.arch);
  const versions = [...new Set(inCache.map((layer) => layer.version))];
  throw new InputError('Kubernetes', [
    {
      path: 'kubernetesVersion',
      message: `Kubernetes ${spec.kubernetes.version ?? ''} cannot be had: ${why}`,
      hint: `source debian has ${debianVersions()}; the cache has ${versions.join(', ') || 'none'}; whatever the config says, --kubernetes-version counts`,
    },
  ]);
}

async function resolveDebian(
  { kubernetes, image }: ClusterSpec,
  facts: HostFacts,
  { user }: ResolveContext,
  reason: string,
): Promise<ResolvedKubernetes> {
  const source = findDebianSource(kubernetes.version);
  if (!source) {
    throw new InputError('Kubernetes', [
      {
        path: 'kubernetesVersion',
        message: `Debian has no source of Kubernetes ${kubernetes.version ?? ''}`,
        hint: `source debian has ${debianVersions()}`,
      },
    ]);
  }
  const mirror = image.mirror ?? facts.apt?.mirror;
  return {
    version: source.version,
    source: { kind: 'debian', suite: source.suite, mirror, proxy: facts.apt?.proxy },
    layerId: await debianLayerId(source, facts.arch, user),
    reason,
  };
}

/** The server asked for; a layer of it in the cache when the version is settled, or the server is away. */
async function resolveRelease(
  spec: ClusterSpec,
  facts: HostFacts,
  context: ResolveContext,
): Promise<ResolvedKubernetes> {
  const server = await releaseServer(spec, facts, patient, context.signal);
  const layers = kubernetesLayers(await listLayers(context.paths, context.host), facts.arch).filter((layer) =>
    isFrom(layer, server.baseUrl),
  );
  const { version } = spec.kubernetes;
  const fitting = newestFirst(layers, version);
  const [newest] = fitting.map(fromCache);
  if (newest && version !== undefined && isWholeVersion(version)) return newest;
  try {
    return await askRelease(server, version, 'asked for');
  } catch (error) {
    context.signal?.throwIfAborted();
    if (newest === undefined || !(error instanceof KnestError)) throw error;
    return { ...newest, reason: `${error.message}; ${newest.reason}` };
  } finally {
    await server.client.destroy();
  }
}

async function askRelease(
  server: ReleaseServer,
  wanted: string | undefined,
  reason: string,
): Promise<ResolvedKubernetes> {
  const label = versionLabel(wanted);
  const version = label === undefined ? wanted : await labelledRelease(server, label);
  const checksums = version === undefined ? undefined : await releaseChecksums(server, version);
  if (version === undefined || !checksums) {
    throw unknownRelease(server.baseUrl, version ?? wanted ?? 'stable');
  }
  return {
    version,
    source: { kind: 'release', baseUrl: server.baseUrl },
    layerId: releaseLayerId(version, server.arch, checksums),
    reason: `${new URL(server.baseUrl).host}: ${wanted === undefined || wanted === version ? reason : `its ${wanted}`}`,
  };
}

/** The layer for `auto`: any release or what today's recipe made of Debian's source; of the mirror, if one is named. */
async function findCached(
  { kubernetes }: ClusterSpec,
  facts: HostFacts,
  { host, paths, user }: ResolveContext,
): Promise<ResolvedKubernetes | undefined> {
  const layers = kubernetesLayers(await listLayers(paths, host), facts.arch);
  for (const layer of newestFirst(layers, kubernetes.version)) {
    if (kubernetes.releaseMirror !== undefined) {
      if (isFrom(layer, normalizeUrl(kubernetes.releaseMirror))) return fromCache(layer);
      continue;
    }
    if (layer.source.kind === 'release') return fromCache(layer);
    const debian = layer.source.kind === 'debian' ? findDebianSource(layer.version) : undefined;
    if (debian && layer.id === (await debianLayerId(debian, facts.arch, user))) return fromCache(layer);
  }
  return undefined;
}

type KubernetesLayer = LayerInfo & Required<Pick<LayerInfo, 'version' | 'source'>>;

/** The most recently built first. */
function kubernetesLayers(layers: readonly LayerInfo[], arch: string): KubernetesLayer[] {
  return layers.filter(
    (layer): layer is KubernetesLayer =>
      layer.kind === 'kubernetes' &&
      layer.arch === arch &&
      layer.version !== undefined &&
      layer.source !== undefined,
  );
}

/** Those that are wanted: where several versions are, the newest first, else the most recently built. */
function newestFirst(layers: readonly KubernetesLayer[], wanted: string | undefined): KubernetesLayer[] {
  const fitting = layers.filter(({ version }) => fitsVersion(version, wanted));
  return wanted === undefined ? fitting : fitting.sort((a, b) => semver.rcompare(a.version, b.version));
}

function fromCache({ version, source, id, built }: KubernetesLayer): ResolvedKubernetes {
  return {
    version,
    source,
    layerId: id,
    reason: `in the cache since ${built.slice(0, 10)} (source ${source.kind})`,
  };
}

function isFrom({ source }: KubernetesLayer, baseUrl: string): boolean {
  return source.kind === 'release' && source.baseUrl === baseUrl;
}

function releaseServer(
  { kubernetes: { releaseMirror: mirror } }: ClusterSpec,
  { arch, proxyEnvironment }: HostFacts,
  timeout: number,
  signal: AbortSignal | undefined,
): Promise<ReleaseServer> {
  return openReleaseServer({ mirror, arch, proxyEnvironment, timeout, signal });
}

function debianVersions(): string {
  return debianSources.map(({ suite, version }) => `${version} (${suite})`).join(', ');
}
