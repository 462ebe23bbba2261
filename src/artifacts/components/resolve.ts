import semver from 'semver';

import { firstMessage, InputError, KnestError } from '../../errors.ts';
import { dashed } from '../../formats/dashed.ts';
import type { HostFacts } from '../../facts/types.ts';
import type { Host } from '../../host/types.ts';
import { componentTitles, unfitReason } from '../../plan/node-components.ts';
import type { ComponentLayer, Paths, ResolvedComponent } from '../../plan/types.ts';
import { cniPluginsRelease, recommendedFor, runcFor } from '../../plan/versions/components.ts';
import type { ComponentName, ComponentsSpec } from '../../spec/types.ts';
import { normalizeUrl } from '../../spec/values.ts';
import { webClient } from '../download.ts';
import { listLayers } from '../layer-info.ts';
import type { LayerInfo } from '../layer-info.ts';
import type { UserSide } from '../types.ts';
import { resolveComponentDirectory } from './directory.ts';
import { defaultComponentServer, releaseUrl } from './layouts.ts';
import { releaseChecksum, releaseLayer } from './release.ts';

export interface ComponentContext {
  host: Host;
  user: Pick<UserSide, 'local'>;
  paths: Paths;
  facts: Pick<HostFacts, 'arch' | 'proxyEnvironment'>;
  signal?: AbortSignal | undefined;
}

/** A component of a node, to be decided. */
export interface ComponentRequest {
  component: ComponentName;
  spec: Pick<ComponentsSpec, 'sources' | 'mirror'>;
  /** What the node's Debian suite has. */
  ofSuite: ResolvedComponent;
  kubernetesVersion: string;
  /** The node's containerd, for its runc. */
  containerd?: ResolvedComponent | undefined;
}

/** Milliseconds within which a server must answer to be chosen by itself. */
const quick = 3_000;
/** The same when the user asked for it. */
const patient = 20_000;

/**
 * Decides where a component comes from, and which version it is. Nothing is downloaded yet.
 *
 * `auto`: the suite's where its version is good enough, else the release that goes with Kubernetes, from the cache or the
 * server. runc follows containerd: beside one from elsewhere it should be as new as that one is tested with, but that of the
 * suite will do.
 * @throws InputError for what cannot be had (path `components.NAME...`); KnestError when the server was asked for and does
 *   not answer
 */
export async function resolveComponent(
  request: ComponentRequest,
  context: ComponentContext,
): Promise<ResolvedComponent> {
  const { component, spec, ofSuite, kubernetesVersion } = request;
  const { source, version } = spec.sources?.[component] ?? { source: 'auto', version: undefined };
  if (source === 'suite') return { ...ofSuite, reason: `${ofSuite.reason}: asked for` };
  if (source === 'release') return resolveRelease(request, version ?? releaseFor(request), context);
  if (source !== 'auto') {
    const { host, paths, user, facts } = context;
    const { directory } = source;
    return resolveComponentDirectory(
      { component, directory, version, arch: facts.arch },
      { local: user.local, host, paths },
    );
  }
  const unfit = unfitReason(component, ofSuite.version, kubernetesVersion);
  if (version !== undefined) {
    return version === ofSuite.version ? ofSuite : resolveRelease(request, version, context);
  }
  const better = component === 'runc' ? newerRunc(request) : undefined;
  if (unfit === undefined && better === undefined) return ofSuite;
  const why = unfit ?? better ?? '';
  const release = releaseFor(request);
  try {
    const found = await findRelease(request, release, quick, context);
    return { ...found, reason: `${found.reason}: ${why}` };
  } catch (error) {
    context.signal?.throwIfAborted();
    if (!(error instanceof KnestError)) throw error;
    const reason = firstMessage(error);
    if (unfit === undefined) return { ...ofSuite, reason: `${ofSuite.reason}: ${reason}` };
    const other = await findOther(request, context);
    if (other) return { ...other, reason: `${other.reason}: ${why}; ${reason}` };
    throw cannotBeHad(request, release, unfit, reason);
  }
}

/** Why a release of runc would be better than the suite's. */
function newerRunc({ ofSuite, containerd }: ComponentRequest): string | undefined {
  if (!containerd?.layer || ofSuite.version === undefined) return undefined;
  const tested = runcFor(containerd.version);
  if (tested === undefined || semver.gte(ofSuite.version, tested)) return undefined;
  return `containerd ${containerd.version ?? ''} is tested with runc ${tested}`;
}

/** The release that goes with the node. */
function releaseFor({ component, kubernetesVersion, containerd }: ComponentRequest): string {
  switch (component) {
    case 'containerd':
    case 'etcd':
      return recommendedFor(component, kubernetesVersion);
    case 'runc':
      return runcFor(containerd?.version ?? recommendedFor('containerd', kubernetesVersion)) ?? '';
    case 'cniPlugins':
      return cniPluginsRelease.value;
  }
}

async function resolveRelease(
  request: ComponentRequest,
  version: string,
  context: ComponentContext,
): Promise<ResolvedComponent> {
  const found = await findRelease(request, version, patient, context);
  return { ...found, reason: `${found.reason}: asked for` };
}

/** From the cache, which works offline, else from the server. */
async function findRelease(
  { component, spec }: ComponentRequest,
  version: string,
  timeout: number,
  context: ComponentContext,
): Promise<ResolvedComponent> {
  const cached = (await cachedReleases(component, spec.mirror, context)).find(
    (one) => one.version === version,
  );
  if (cached) return fromCache(cached);
  const baseUrl = normalizeUrl(spec.mirror ?? defaultComponentServer);
  const { facts, signal } = context;
  const client = await webClient(facts.proxyEnvironment);
  try {
    const server = { baseUrl, arch: facts.arch, client, timeout, signal };
    const sha256 = await releaseChecksum(server, component, version);
    if (sha256 === undefined) throw unknownRelease(component, baseUrl, version);
    const layer = releaseLayer(component, { version, baseUrl, arch: facts.arch, sha256 });
    return { version, layer, reason: new URL(baseUrl).host };
  } finally {
    await client.destroy();
  }
}

/** Another release in the cache that goes with the node, the newest. */
async function findOther(
  { component, spec, kubernetesVersion }: ComponentRequest,
  context: ComponentContext,
): Promise<ResolvedComponent | undefined> {
  const fitting = (await cachedReleases(component, spec.mirror, context))
    .filter(({ version }) => unfitReason(component, version, kubernetesVersion) === undefined)
    .sort((a, b) => semver.rcompare(a.version, b.version));
  return fitting[0] && fromCache(fitting[0]);
}

type CachedRelease = LayerInfo & { component: ComponentName; version: string };

/** Of the mirror, if one is named. */
async function cachedReleases(
  component: ComponentName,
  mirror: string | undefined,
  { host, paths, facts }: ComponentContext,
): Promise<CachedRelease[]> {
  return (await listLayers(paths, host)).filter(
    (layer): layer is CachedRelease =>
      layer.component === component &&
      layer.arch === facts.arch &&
      layer.version !== undefined &&
      layer.source?.kind === 'release' &&
      (mirror === undefined || layer.source.baseUrl === normalizeUrl(mirror)),
  );
}

function fromCache({ id, component, version, source, sha256, built }: CachedRelease): ResolvedComponent {
  const layer: ComponentLayer = {
    kind: 'component',
    ...{ id, component, version },
    source: { kind: 'release', baseUrl: source?.kind === 'release' ? source.baseUrl : '' },
    ...(sha256 === undefined ? {} : { sha256 }),
  };
  return { version, layer, reason: `in the cache since ${built.slice(0, 10)}` };
}

function unknownRelease(component: ComponentName, baseUrl: string, version: string): InputError {
  return new InputError(componentTitles[component], [
    {
      path: `components.${component}.version`,
      message: `${baseUrl} has no ${componentTitles[component]} ${version}`,
      hint: `its releases are at ${releaseUrl(baseUrl, component, version, '').replace(/\/download\/.*$/, '')}`,
    },
  ]);
}

function cannotBeHad(
  { component, ofSuite }: ComponentRequest,
  release: string,
  unfit: string,
  reason: string,
): InputError {
  const title = componentTitles[component];
  return new InputError(title, [
    {
      path: `components.${component}.source`,
      message:
        `${unfit}, and ${title} ${ofSuite.reason} is ${ofSuite.version ?? ''}; ` +
        `the release ${release} cannot be had: ${reason}`,
      hint: `name a mirror of the releases (--component-mirror URL) or a directory with its binaries (--${dashed(component)} DIR)`,
    },
  ]);
}
