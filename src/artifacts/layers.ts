import { KnestError } from '../errors.ts';
import type { Host } from '../host/types.ts';
import type { ComponentLayer, Paths, PlannedLayer } from '../plan/types.ts';
import { acquireLock } from '../state/lock.ts';
import { contentHashCommand } from '../tools/content-hash.ts';
import { parseSha256 } from '../tools/sha256sum.ts';
import { layerInfo, layerPath, readInfo, writeInfo } from './layer-info.ts';
import type { LayerInfo } from './layer-info.ts';
import type { BuildContext, BuildFolders } from './types.ts';

export { layerPath, listLayers } from './layer-info.ts';

/**
 * Makes a layer unless it is in the cache. Layers appear whole or not at all. Two knests that want the same one build
 * it once: the second waits. A build that was killed is continued or cleared away by the next one; one that was
 * interrupted (signal) keeps what its continuation can use; one that failed leaves nothing.
 * @throws KnestError, InputError, CommandError when it cannot be made, or is not what it must be (LOCK_MISMATCH)
 */
export function ensureLayer(layer: PlannedLayer, context: BuildContext): Promise<'present' | 'built'> {
  return installLayer(
    {
      info: layerInfo(layer, context.facts.arch),
      content: layer.content,
      make: async (folders) => {
        checkSpace(layer, context);
        await build(layer, folders, context);
      },
    },
    context,
  );
}

/** A layer that comes into the cache, whichever way. */
export interface NewLayer {
  info: LayerInfo;
  /** What must be in it, where that is settled. */
  content: string | undefined;
  make: (folders: BuildFolders) => Promise<void>;
}

/** See ensureLayer. */
export async function installLayer(layer: NewLayer, context: BuildContext): Promise<'present' | 'built'> {
  const { host, paths, progress, signal } = context;
  const { id } = layer.info;
  const { content } = layer;
  const path = layerPath(paths, id);
  if (await hasLayer({ id, content }, context)) return 'present';
  const lock = await acquireLock(host, `${path}.lock`, {
    wait: true,
    onWait: (pid) => {
      progress(`waiting for another knest (pid ${pid}) that is making it`);
    },
    ...(signal === undefined ? {} : { signal }),
  });
  try {
    if (await host.stat(path)) {
      if (content !== undefined) refuseOther(id, content, await layerContent(id, context));
      return 'present';
    }
    await buildInto(path, layer, context);
    return 'built';
  } finally {
    await lock.release();
  }
}

/** Whether the cache has a layer, and it is known to be what it must be. */
export async function hasLayer(
  { id, content }: { id: string; content?: string | undefined },
  { host, paths }: Pick<BuildContext, 'host' | 'paths'>,
): Promise<boolean> {
  if (!(await host.stat(layerPath(paths, id)))) return false;
  return content === undefined || (await readInfo(paths, id, host))?.content === content;
}

/** What is in a layer of the cache; reads all of it, the first time. */
export async function layerContent(
  id: string,
  { host, paths, facts, progress, signal }: BuildContext,
): Promise<string> {
  const info = await readInfo(paths, id, host);
  if (info?.content !== undefined) return info.content;
  progress('reading what is in it');
  const content = await contentOf(layerPath(paths, id), { host, facts, signal });
  if (info) await writeInfo(paths, { ...info, content }, host);
  return content;
}

async function contentOf(
  root: string,
  { host, facts, signal }: Pick<BuildContext, 'host' | 'facts' | 'signal'>,
): Promise<string> {
  const command = contentHashCommand(root, facts.arch);
  const { stdout } = await host.run(command, signal === undefined ? {} : { signal });
  return parseSha256(stdout)[0] ?? '';
}

/** @throws KnestError when a layer is another one than is locked */
function refuseOther(id: string, content: string, found: string): void {
  if (content === found) return;
  throw new KnestError(`${id} is not what knest.lock says`, {
    code: 'LOCK_MISMATCH',
    details: [`locked: content sha256 ${content}`, `found:  content sha256 ${found}`],
    hint: `if it is in the cache, knest build image --rebuild makes it anew; knest lock takes it as it is now`,
  });
}

/** Removes a layer from the cache. No machine may stand on it. */
export async function removeLayer(paths: Paths, id: string, host: Host): Promise<void> {
  const path = layerPath(paths, id);
  // renamed first: half a layer must never look like a whole one
  await host.remove(`${path}.partial`);
  if (await host.stat(path)) await host.rename(path, `${path}.partial`);
  await host.remove(`${path}.partial`);
  await host.remove(`${path}.json`);
}

async function buildInto(
  path: string,
  { info, content, make }: NewLayer,
  context: BuildContext,
): Promise<void> {
  const { host, paths, signal } = context;
  const folders = { target: `${path}.partial`, workspace: `${paths.cache}/build/${info.id}` };
  await host.makeDirectory(`${paths.cache}/layers`, 0o755);
  await host.remove(folders.target);
  try {
    await make(folders);
    signal?.throwIfAborted();
    const finished = { ...info, built: new Date().toISOString() };
    if (content !== undefined) {
      context.progress('comparing it with what is locked');
      finished.content = await contentOf(folders.target, context);
      refuseOther(info.id, content, finished.content);
    }
    // on the disk before it has its name: after a power cut a layer of empty files would be as good as a whole one
    await host.run(['sync', '--file-system', '--', folders.target]);
    // first what it is, then the layer itself: whoever sees the layer can read about it
    await writeInfo(paths, finished, host);
    await host.rename(folders.target, path);
    await removeWorkspace(folders.workspace, context);
  } catch (error) {
    await host.remove(folders.target);
    // what an interrupted build leaves in there, the next one goes on with
    if (signal?.aborted === true) await removeEmpty(folders.workspace, context);
    else await removeWorkspace(folders.workspace, context);
    throw error;
  }
}

async function removeWorkspace(workspace: string, context: BuildContext): Promise<void> {
  await context.host.remove(workspace);
  await removeEmpty(workspace, context);
}

async function removeEmpty(workspace: string, { host, paths }: BuildContext): Promise<void> {
  await host.run(['rmdir', '--ignore-fail-on-non-empty', '--', workspace, `${paths.cache}/build`], {
    okExitCodes: 'any',
  });
}

/** Builders are loaded when one is needed: most creates find their layers in the cache. */
async function build(layer: PlannedLayer, folders: BuildFolders, context: BuildContext): Promise<void> {
  if (layer.kind === 'rootfs') return (await import('./rootfs.ts')).buildRootfs(layer, folders, context);
  if (layer.kind === 'images')
    return (await import('./images-layer.ts')).buildImages(layer, folders, context);
  if (layer.kind === 'component') return buildComponent(layer, folders, context);
  const { version, source, binaries } = layer;
  switch (source.kind) {
    case 'debian':
      return (await import('./sources/debian.ts')).buildFromDebian({ version, source }, folders, context);
    case 'release':
      return (await import('./sources/release.ts')).buildFromRelease(
        { version, source, binaries },
        folders,
        context,
      );
    case 'directory':
      return (await import('./sources/directory.ts')).buildFromDirectory(
        { source, binaries },
        folders,
        context,
      );
  }
}

async function buildComponent(
  layer: ComponentLayer,
  folders: BuildFolders,
  context: BuildContext,
): Promise<void> {
  const { source } = layer;
  switch (source.kind) {
    case 'release': {
      const { buildComponentRelease } = await import('./components/release.ts');
      return buildComponentRelease({ ...layer, source }, folders, context);
    }
    case 'directory': {
      const { buildComponentDirectory } = await import('./components/directory.ts');
      return buildComponentDirectory({ ...layer, source }, folders, context);
    }
  }
}

/** Bytes that a build needs at its peak, measured and rounded up. */
const spaceNeeded = { rootfs: 1.5e9, component: 0.3e9, debian: 4e9, release: 1e9, directory: 0.7e9 };

function checkSpace(layer: PlannedLayer, { facts, paths, host }: BuildContext): void {
  // as much as the archives have; cp(1) says when that is too much
  if (layer.kind === 'images') return;
  const needed = spaceNeeded[layer.kind === 'kubernetes' ? layer.source.kind : layer.kind];
  if (facts.freeBytes.cache >= needed) return;
  const gigabytes = (bytes: number) => (bytes / 1e9).toFixed(1);
  throw new KnestError(
    `${paths.cache} on ${host.name} has ${gigabytes(facts.freeBytes.cache)} GB free; making ${layer.id} takes ${gigabytes(needed)} GB`,
    { code: 'HOST_UNFIT', hint: 'free some space or use another disk: KNEST_CACHE_DIR=DIR' },
  );
}
