import { fitsVersion, isVersionLabel } from '../spec/kubernetes-version.ts';
import type { Lock, LockedKubernetes } from '../spec/lock.ts';
import type { ClusterSpec } from '../spec/types.ts';
import type { HostFacts } from '../facts/types.ts';
import type { PlannedLayer, ResolvedKubernetes, ResolvedSource } from './types.ts';

/** The layer with the binaries of Kubernetes; what a lock says of it belongs to it. */
export function kubernetesLayer(
  { layerId: id, version, source }: ResolvedKubernetes,
  lock: Lock | undefined,
): PlannedLayer & { kind: 'kubernetes' } {
  const locked = lockedKubernetesLayers(lock).find((layer) => layer.id === id);
  const settled = locked && { binaries: locked.binaries, content: locked.content };
  return { kind: 'kubernetes', id, version, source, ...settled };
}

export function lockedKubernetesLayers(lock: Lock | undefined): LockedKubernetes[] {
  return (lock?.layers ?? []).filter((layer) => layer.kind === 'kubernetes');
}

/**
 * What a lock has of that which a spec wants; undefined: nothing that is the same. Where from the spec may leave open, and
 * which mirror of the release server does not matter: the binaries are the same.
 */
export function lockedKubernetes(
  { kubernetes: { version, source, releaseMirror }, image }: Pick<ClusterSpec, 'kubernetes' | 'image'>,
  facts: HostFacts,
): ResolvedKubernetes | undefined {
  const found = lockedKubernetesLayers(image.lock).find(
    (layer) => isWanted(layer, version) && (source === 'auto' || isFrom(layer, source)),
  );
  if (!found) return undefined;
  return {
    version: found.version,
    source: sourceOf(found, { releaseMirror, mirror: image.mirror ?? facts.apt?.mirror, facts }),
    layerId: found.id,
    reason: 'as locked',
  };
}

/** What a label stands for changes: that it is the same label counts, and not what it names today. */
function isWanted({ version, wanted }: LockedKubernetes, now: string | undefined): boolean {
  if (now === undefined || isVersionLabel(now)) return wanted === now;
  return fitsVersion(version, now);
}

function isFrom({ source }: LockedKubernetes, wanted: ClusterSpec['kubernetes']['source']): boolean {
  return source.kind === (typeof wanted === 'string' ? wanted : 'directory');
}

function sourceOf(
  { source }: LockedKubernetes,
  here: { releaseMirror: string | undefined; mirror: string | undefined; facts: HostFacts },
): ResolvedSource {
  switch (source.kind) {
    case 'release':
      return { kind: 'release', baseUrl: here.releaseMirror ?? source.baseUrl };
    case 'debian':
      return { ...source, mirror: here.mirror, proxy: here.facts.apt?.proxy };
    case 'directory':
      return source;
  }
}
