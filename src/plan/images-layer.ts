import { createHash } from 'node:crypto';

import type { ClusterSpec } from '../spec/types.ts';
import type { PlannedArchive, PlannedLayer } from './types.ts';

export type ImagesLayer = PlannedLayer & { kind: 'images' };

/** Where a machine sees the archives of its layer. */
const archivesFolder = '/usr/lib/knest/images';

export function archivePath({ digest }: Pick<PlannedArchive, 'digest'>): string {
  return `${archivesFolder}/${digest}.tar`;
}

/**
 * The layer with the archives that nodes have from their beginning, by what is in them: the same archives under other
 * names, or compressed, give the same layer. None for a spec without.
 */
export function imagesLayers({ images, image }: Pick<ClusterSpec, 'images' | 'image'>): ImagesLayer[] {
  if (images === undefined || images.length === 0) return [];
  const archives = images.map(({ file, content }): PlannedArchive => {
    if (!content) throw new Error(`${file} was not read before planning`);
    return { file, digest: content.digest, images: content.images };
  });
  const unique = [...new Map(archives.map((archive) => [archive.digest, archive])).values()];
  const digests = unique.map(({ digest }) => digest).sort();
  const hash = createHash('sha256').update(digests.join('\n')).digest('hex').slice(0, 12);
  const id = `images-${hash}`;
  const content = image.lock?.layers.find((layer) => layer.id === id)?.content;
  return [{ kind: 'images', id, archives: unique, ...(content === undefined ? {} : { content }) }];
}
