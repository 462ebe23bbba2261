import { parallel, runSequence } from '../../apply/runner.ts';
import { hasLayer, layerPath, removeLayer } from '../../artifacts/layers.ts';
import { KnestError } from '../../errors.ts';
import { plannedLayers } from '../../plan/spec-layers.ts';
import type { ClusterSpec } from '../../spec/types.ts';
import { layerUsers } from '../cache/users.ts';
import { choose, makeHostFit } from '../phases/acquire.ts';
import { openSession } from '../session.ts';
import { resolveImages } from '../phases/resolve-references.ts';
import { layerStep } from '../steps.ts';
import type { Context } from '../types.ts';

export interface BuiltImage {
  layers: { id: string; kind: string; path: string; built: boolean }[];
  kubernetesVersion: string;
}

/**
 * Makes the layers that a cluster of this spec would stand on, so that creating it takes seconds.
 * @throws KnestError when `rebuild` would pull a layer away under a cluster
 */
export async function buildImage(
  options: Context & { spec: ClusterSpec; rebuild: boolean; yes?: boolean },
): Promise<BuiltImage> {
  const session = openSession(options);
  const { host, paths, listener, signal } = session;
  const facts = await makeHostFit(session, options.spec, { install: options.yes ?? false });
  const choice = await choose(session, options.spec, facts);
  const spec = { ...options.spec, images: await resolveImages(session, options.spec) };
  const layers = plannedLayers(spec, facts, choice);
  if (options.rebuild) {
    const { byLayer, unreadable } = await layerUsers(session);
    // nobody knows what such a cluster stands on
    const [unknown] = unreadable;
    if (unknown) throw unknown;
    const users = [...new Set(layers.flatMap((layer) => byLayer.get(layer.id) ?? []))];
    if (users.length > 0) {
      throw new KnestError(`clusters stand on this image: ${users.join(', ')}`, {
        code: 'LAYER_IN_USE',
        hint: 'delete them first, or leave --rebuild out',
      });
    }
    for (const layer of layers) await removeLayer(paths, layer.id, host);
  }
  const known = await Promise.all(layers.map((layer) => hasLayer(layer, { host, paths })));
  const steps = layers.map((layer) => layerStep(session, facts, layer));
  await runSequence(parallel(...steps), listener, signal);
  return {
    kubernetesVersion: choice.cluster.version,
    layers: layers.map((layer, index) => ({
      id: layer.id,
      kind: layer.kind,
      path: layerPath(paths, layer.id),
      built: known[index] === false,
    })),
  };
}
