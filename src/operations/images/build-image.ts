import { parallel, runSequence } from '../../apply/runner.ts';
import { layerPath, removeLayer } from '../../artifacts/layers.ts';
import { KnestError } from '../../errors.ts';
import { rootfsLayer } from '../../plan/image.ts';
import { imagesLayers } from '../../plan/images-layer.ts';
import { componentLayers, suiteOf } from '../../plan/node-components.ts';
import type { PlannedLayer } from '../../plan/types.ts';
import type { ClusterSpec } from '../../spec/types.ts';
import { layerUsers } from '../cache/users.ts';
import { choose, makeHostFit } from '../phases/acquire.ts';
import { openSession } from '../session.ts';
import { resolveImages } from '../phases/resolve-references.ts';
import { hasLayer, layerStep } from '../steps.ts';
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
  const { cluster, nodes, components = {} } = await choose(session, options.spec, facts);
  const kubernetes = [cluster, ...Object.values(nodes)];
  const suites = new Set(options.spec.nodes.map((node) => suiteOf(node, options.spec.image)));
  const all: PlannedLayer[] = [
    ...kubernetes.map(({ version, source, layerId: id }) => ({
      kind: 'kubernetes' as const,
      id,
      version,
      source,
    })),
    ...Object.values(components).flatMap(componentLayers),
    ...[...suites].map((suite) => rootfsLayer({ ...options.spec.image, suite }, facts)),
    ...imagesLayers({ images: await resolveImages(session, options.spec.images ?? []) }),
  ];
  const layers = [...new Map(all.map((layer) => [layer.id, layer])).values()];
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
  const known = await Promise.all(layers.map((layer) => hasLayer(host, paths, layer)));
  const steps = layers.map((layer) => layerStep(session, facts, layer));
  await runSequence(parallel(...steps), listener, signal);
  return {
    kubernetesVersion: cluster.version,
    layers: layers.map((layer, index) => ({
      id: layer.id,
      kind: layer.kind,
      path: layerPath(paths, layer.id),
      built: known[index] === false,
    })),
  };
}
