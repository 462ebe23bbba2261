import type { Host } from '../host/types.ts';
import type { Paths, PlannedLayer } from '../plan/types.ts';
import type { ComponentName } from '../spec/types.ts';
import { lockHolder } from '../state/lock.ts';
import { duCommand, parseDu } from '../tools/du.ts';
import { layerPath, listLayers } from './layer-info.ts';
import type { LayerInfo } from './layer-info.ts';

/** A layer in the cache, or what builds of one have left. */
export interface CacheEntry {
  /** Of the layer. */
  id: string;
  /** build: a build that has not finished, its downloads included. unknown: a layer whose description is lost. */
  kind: PlannedLayer['kind'] | 'build' | 'unknown';
  /** Go's name of its architecture. */
  arch?: string;
  /** Which one, of kind `component`. */
  component?: ComponentName;
  /** Of Kubernetes or a component; of a root file system, its suite. */
  version?: string;
  /** Where Kubernetes or a component came from: "release", "debian", or the directory. */
  source?: string;
  /** Names of the images in it. */
  images?: readonly string[];
  /** What is in it, where it was locked: see contentHashCommand. */
  content?: string;
  /** ISO 8601: when it was built, or when the build was last heard of. */
  built: string;
  /** Bytes on the disk. */
  size: number;
  /** Number of the process that works on it. */
  builder?: number;
  paths: readonly string[];
}

/** What is in the cache, the most recently built first. */
export async function readCache(paths: Paths, host: Host): Promise<CacheEntry[]> {
  const [infos, inLayers, builds] = await Promise.all([
    listLayers(paths, host),
    host.list(`${paths.cache}/layers`),
    host.list(`${paths.cache}/build`),
  ]);
  const known = new Set(infos.map(({ id }) => id));
  const partial = inLayers.flatMap((name) => /^(.+)\.partial$/.exec(name)?.[1] ?? []);
  const ids = new Set(inLayers.filter((name) => !/\.(json|lock|partial|tmp)$/.test(name)));
  const unknown = [...ids].filter((id) => !known.has(id));
  const entries = [
    ...infos.filter(({ id }) => ids.has(id)).map((info) => layerEntry(info, paths)),
    ...(await Promise.all(unknown.map((id) => undated('unknown', id, [layerPath(paths, id)], host)))),
    ...(await Promise.all(
      [...new Set([...partial, ...builds])].map((id) => undated('build', id, buildPaths(paths, id), host)),
    )),
  ];
  const { stdout } =
    entries.length === 0
      ? { stdout: '' }
      : await host.run(duCommand(entries.flatMap((entry) => entry.paths)), { okExitCodes: 'any' });
  const sizes = parseDu(stdout);
  const complete = await Promise.all(
    entries.map(async (entry): Promise<CacheEntry> => {
      const builder = await lockHolder(host, `${layerPath(paths, entry.id)}.lock`);
      const size = entry.paths.reduce((sum, path) => sum + (sizes.get(path) ?? 0), 0);
      return { ...entry, size, ...(builder === undefined ? {} : { builder }) };
    }),
  );
  return complete.sort((a, b) => Date.parse(b.built) - Date.parse(a.built));
}

/** What a build of a layer writes until it has finished. */
export function buildPaths(paths: Paths, id: string): string[] {
  return [`${layerPath(paths, id)}.partial`, `${paths.cache}/build/${id}`];
}

type Unmeasured = Omit<CacheEntry, 'size' | 'builder'>;

function layerEntry(info: LayerInfo, paths: Paths): Unmeasured {
  const { id, kind, arch, built, suite, source, images, component, content } = info;
  const version = info.version ?? suite;
  const origin = source?.kind === 'directory' ? source.directory : source?.kind;
  return {
    ...{ id, kind, arch, built, paths: [layerPath(paths, id)] },
    ...(version === undefined ? {} : { version }),
    ...(origin === undefined ? {} : { source: origin }),
    ...(images === undefined ? {} : { images }),
    ...(component === undefined ? {} : { component }),
    ...(content === undefined ? {} : { content }),
  };
}

async function undated(
  kind: 'build' | 'unknown',
  id: string,
  candidates: readonly string[],
  host: Host,
): Promise<Unmeasured> {
  const found = await Promise.all(candidates.map(async (path) => ({ path, info: await host.stat(path) })));
  const present = found.filter(({ info }) => info !== undefined);
  const newest = Math.max(0, ...present.map(({ info }) => info?.mtimeMs ?? 0));
  return { id, kind, built: new Date(newest).toISOString(), paths: present.map(({ path }) => path) };
}
