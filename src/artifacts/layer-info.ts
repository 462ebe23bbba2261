import * as z from 'zod';

import type { Host } from '../host/types.ts';
import type { Paths, PlannedLayer, ResolvedSource } from '../plan/types.ts';
import type { ComponentName } from '../spec/types.ts';
import { componentNames } from '../spec/words.ts';
import type { LockedKubernetes, LockedLayer } from '../spec/lock.ts';

/** What is known of a layer in the cache; a file beside it. */
export interface LayerInfo {
  id: string;
  kind: PlannedLayer['kind'];
  arch: string;
  /** Of Kubernetes or a component; undefined for a rootfs. */
  version?: string;
  /** Which one it is, of kind `component`. */
  component?: ComponentName;
  /** Of a component's release: what was downloaded. */
  sha256?: string;
  source?: ResolvedSource;
  suite?: string;
  /** Names of the images in it. */
  images?: readonly string[];
  /** What is in it, once somebody has asked: see contentHashCommand. */
  content?: string;
  /** ISO 8601, when it was built. */
  built: string;
}

/** Where a finished layer is. */
export function layerPath(paths: Paths, id: string): string {
  return `${paths.cache}/layers/${id}`;
}

/** The layers in the cache, the most recently built first. */
export async function listLayers(paths: Paths, host: Host): Promise<LayerInfo[]> {
  const names = await host.list(`${paths.cache}/layers`);
  const finished = names.filter((name) => names.includes(`${name}.json`));
  const infos = await Promise.all(finished.map((id) => readInfo(paths, id, host)));
  return infos.filter((info) => info !== undefined).sort((a, b) => Date.parse(b.built) - Date.parse(a.built));
}

/** Writes down what is known of a layer. */
export async function writeInfo(paths: Paths, info: LayerInfo, host: Host): Promise<void> {
  await host.writeFile(`${layerPath(paths, info.id)}.json`, `${JSON.stringify(info, null, 2)}\n`, 0o644, {
    sync: true,
  });
}

/** What to write down about a layer that is finished. */
export function layerInfo(layer: PlannedLayer | LockedLayer, arch: string): LayerInfo {
  const common = { id: layer.id, kind: layer.kind, arch, built: new Date().toISOString() };
  switch (layer.kind) {
    case 'rootfs':
      return { ...common, suite: layer.suite };
    case 'kubernetes':
      return { ...common, version: layer.version, source: resolved(layer.source) };
    case 'component': {
      const { component, version, source, sha256 } = layer;
      return {
        ...{ ...common, component, source },
        ...(version === undefined ? {} : { version }),
        ...(sha256 === undefined ? {} : { sha256 }),
      };
    }
    case 'images':
      return { ...common, images: layer.archives.flatMap(({ images }) => images) };
  }
}

/** A lock does not know which mirror this host would have taken. */
function resolved(source: ResolvedSource | LockedKubernetes['source']): ResolvedSource {
  return source.kind === 'debian' ? { mirror: undefined, proxy: undefined, ...source } : source;
}

/** What is asked of it by everybody; the rest is of one kind only, and asked for with care. */
const schema = z.looseObject({
  id: z.string(),
  kind: z.enum(['rootfs', 'kubernetes', 'component', 'images']),
  arch: z.string(),
  version: z.string().optional(),
  component: z.enum(componentNames).optional(),
  sha256: z.string().optional(),
  source: z.looseObject({ kind: z.string() }).optional(),
  suite: z.string().optional(),
  images: z.array(z.string()).optional(),
  content: z.string().optional(),
  built: z.iso.datetime(),
});

/**
 * What is known of one layer. undefined: nothing, or it is cut off, written by hand or by a later knest: not ours to judge,
 * and never a reason to fail.
 */
export async function readInfo(paths: Paths, id: string, host: Host): Promise<LayerInfo | undefined> {
  try {
    const value: unknown = JSON.parse((await host.readFile(`${layerPath(paths, id)}.json`)) ?? 'null');
    return schema.safeParse(value).success && (value as LayerInfo).id === id
      ? (value as LayerInfo)
      : undefined;
  } catch {
    return undefined;
  }
}
