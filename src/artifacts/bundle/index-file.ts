/**
 * The first member of a bundle: what else is in it. A bundle is a tar archive of these members, in this order:
 *
 *     index.json            this; its end is filled with blanks
 *     index.json.sig        only of signed ones: the signature of all bytes of index.json
 *     knest.tar.gz          knest, and the Node.js that runs it
 *     cluster.yaml          the config
 *     knest.lock            what the layers are made of
 *     references.json       what the config points at: certificates, manifests
 *     layers/ID.tar.gz      a layer each
 */

import * as z from 'zod';

import { KnestError } from '../../errors.ts';

/** Raised when a reader must change. */
const formatVersion = 1;

export const memberNames = {
  index: 'index.json',
  signature: 'index.json.sig',
  program: 'knest.tar.gz',
  config: 'cluster.yaml',
  lock: 'knest.lock',
  references: 'references.json',
  layer: (id: string) => `layers/${id}.tar.gz`,
} as const;

const indexSchema = z.object({
  format: z.literal(formatVersion),
  knest: z.string(),
  /** Go's name of the architecture. */
  arch: z.string(),
  /** The cluster's name in the config. */
  cluster: z.string(),
  members: z.array(
    z.object({
      name: z.string(),
      /** Where its first byte is in the bundle. */
      offset: z.int().nonnegative(),
      /** Bytes. */
      size: z.int().nonnegative(),
      sha256: z.string().regex(/^[0-9a-f]{64}$/),
    }),
  ),
});

export type BundleIndex = z.output<typeof indexSchema>;
export type BundleMember = BundleIndex['members'][number];

/** No index is larger: a file that begins with a larger one is no bundle. */
export const largestIndex = 1024 * 1024;

/**
 * As many bytes as the index will have at most once all offsets, sizes and digests are known, whatever they are: it comes
 * first and is written last.
 */
export function indexSize(index: Omit<BundleIndex, 'members'>, names: readonly string[]): number {
  const largest = Number.MAX_SAFE_INTEGER;
  const members = names.map((name) => ({ name, offset: largest, size: largest, sha256: '0'.repeat(64) }));
  return Buffer.byteLength(JSON.stringify({ ...index, members }, null, 2)) + 1;
}

export function renderIndex(index: BundleIndex, size: number): Buffer {
  const text = Buffer.from(JSON.stringify(index, null, 2));
  return Buffer.concat([text, Buffer.alloc(size - text.byteLength - 1, ' '), Buffer.from('\n')]);
}

/** @throws KnestError for another format, or none */
export function parseIndex(bytes: Uint8Array, file: string): BundleIndex {
  const found = parseJson(Buffer.from(bytes).toString());
  const format = z.object({ format: z.number() }).safeParse(found);
  if (format.success && format.data.format !== formatVersion) {
    throw new KnestError(`${file} has format ${format.data.format}, and this knest knows ${formatVersion}`, {
      code: 'BUNDLE_UNUSABLE',
      hint: 'use the knest that is in it: tar --extract --to-stdout --file FILE knest.tar.gz | tar --extract --gzip',
    });
  }
  const index = indexSchema.safeParse(found);
  if (index.success) return index.data;
  throw noBundle(file);
}

export function noBundle(file: string): KnestError {
  return new KnestError(`${file} is no bundle of knest's`, {
    code: 'BUNDLE_UNUSABLE',
    hint: 'knest bundle create makes one',
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
