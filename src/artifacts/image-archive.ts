import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

import { extract } from 'tar-stream';
import * as z from 'zod';

import { KnestError, messageOf } from '../errors.ts';
import { wholeImageName } from '../formats/image-name.ts';

/** An image in an archive. */
export interface ArchiveImage {
  /** As nodes keep it: "docker.io/library/busybox:1". */
  name: string;
  /** Digest of its configuration, by which nodes know it; undefined: the archive does not tell. */
  id: string | undefined;
  /** Go's name, where its configuration says it. */
  architecture: string | undefined;
}

/** What is larger is a layer. */
const largestDocument = 4 * 1024 * 1024;

/**
 * The images of a plain archive: `docker save` (manifest.json) or OCI layout (index.json).
 * @param arch whose images count where there are several of one name: Go's name of the architecture
 * @throws KnestError when it is neither, when it is broken, or when its images have no names that pods could use
 */
export async function readImageArchive(archive: Readable, arch: string): Promise<ArchiveImage[]> {
  const documents = await readDocuments(archive);
  // as containerd does: an archive that is both (docker save since 25) counts as OCI layout
  const images =
    documents.has('oci-layout') && documents.has('index.json')
      ? ociImages(documents, arch)
      : dockerImages(documents);
  if (images.length === 0) {
    throw new KnestError('its images have no names, so no pod could use them', {
      code: 'ARCHIVE_UNUSABLE',
      hint: 'save them by name: docker save NAME:TAG',
    });
  }
  return [...new Map(images.map((image) => [image.name, image])).values()];
}

type Documents = ReadonlyMap<string, Buffer>;

/** All files of the archive that may be JSON, by name. Their order is not fixed, so they are kept until all are there. */
async function readDocuments(archive: Readable): Promise<Documents> {
  const documents = new Map<string, Buffer>();
  const reader = extract();
  let entries = 0;
  reader.on('entry', (header, stream, next) => {
    entries += 1;
    const name = header.name.replace(/^\.\//, '');
    const chunks: Buffer[] = [];
    let wanted = header.type === 'file' && header.size <= largestDocument;
    stream.on('data', (chunk: unknown) => {
      if (!Buffer.isBuffer(chunk)) return;
      // layers are tar archives or compressed: neither begins like this
      if (wanted && chunks.length === 0) wanted = chunk[0] === braces.object || chunk[0] === braces.list;
      if (wanted) chunks.push(chunk);
    });
    stream.on('end', () => {
      if (wanted) documents.set(name, Buffer.concat(chunks));
      next();
    });
    // the reader itself fails with the same error
    stream.on('error', () => undefined);
    stream.resume();
  });
  try {
    await pipeline(archive, reader);
  } catch (error) {
    const message = messageOf(error);
    const cutOff = /unexpected end/i.test(message);
    if (/invalid tar header/i.test(message) || (cutOff && entries === 0))
      throw notAnArchive('is not a tar archive');
    if (cutOff) throw notAnArchive('ends in the middle: it was not written to its end');
    throw error;
  }
  return documents;
}

const braces = { object: '{'.charCodeAt(0), list: '['.charCodeAt(0) };

function notAnArchive(message: string): KnestError {
  return new KnestError(message, {
    code: 'ARCHIVE_UNUSABLE',
    hint: 'it must be what docker save or podman save write, or an OCI layout',
  });
}

const dockerManifest = z.array(z.object({ Config: z.string(), RepoTags: z.array(z.string()).nullish() }));

function dockerImages(documents: Documents): ArchiveImage[] {
  const text = documents.get('manifest.json');
  if (text === undefined) {
    throw notAnArchive('holds no images: neither manifest.json (docker save) nor index.json (OCI layout)');
  }
  return parse(dockerManifest, text, 'manifest.json').flatMap(({ Config, RepoTags }) => {
    const config = documents.get(Config);
    return (RepoTags ?? []).map((name) => ({ name: wholeImageName(name), ...aboutConfig(config) }));
  });
}

const descriptor = z.object({
  digest: z.string(),
  annotations: z.record(z.string(), z.string()).nullish(),
  platform: z.object({ architecture: z.string(), os: z.string() }).nullish(),
});
type Descriptor = z.infer<typeof descriptor>;
const ociDocument = z.object({ manifests: z.array(descriptor).nullish(), config: descriptor.nullish() });

function ociImages(documents: Documents, arch: string): ArchiveImage[] {
  const index = parse(ociDocument, documents.get('index.json'), 'index.json');
  return (index.manifests ?? []).flatMap((image) => {
    const name = ociName(image.annotations ?? {});
    return name === undefined ? [] : [{ name, ...aboutConfig(ociConfig(documents, image, arch)) }];
  });
}

/**
 * containerd's own annotation, else the standard's, which containerd takes as it is.
 * @throws KnestError for a name that the kubelet would look for under another one
 */
function ociName(annotations: Readonly<Record<string, string>>): string | undefined {
  const name = annotations['io.containerd.image.name'] ?? annotations['org.opencontainers.image.ref.name'];
  if (name === undefined || name === '' || name === wholeImageName(name)) return name || undefined;
  throw new KnestError(`calls its image "${name}", a name that no pod could use in a node`, {
    code: 'ARCHIVE_UNUSABLE',
    hint: `give it a whole one, with domain and tag: skopeo copy oci-archive:FILE docker-archive:NEW:${wholeImageName(
      /[/:]/.test(name) ? name : `app:${name}`,
    )}`,
  });
}

/** The configuration of the image for this architecture, however deep it lies below the entry of the index. */
function ociConfig(documents: Documents, entry: Descriptor, arch: string): Buffer | undefined {
  const text = blob(documents, entry.digest);
  if (text === undefined) return undefined;
  const { manifests, config } = parse(ociDocument, text, entry.digest);
  if (config) return blob(documents, config.digest);
  const fitting = (manifests ?? []).find(
    ({ platform }) => platform?.os === 'linux' && platform.architecture === arch,
  );
  return fitting && ociConfig(documents, fitting, arch);
}

function blob(documents: Documents, digest: string): Buffer | undefined {
  return documents.get(`blobs/${digest.replace(':', '/')}`);
}

const imageConfig = z.object({ architecture: z.string().optional() });

function aboutConfig(config: Buffer | undefined): Pick<ArchiveImage, 'id' | 'architecture'> {
  if (config === undefined) return { id: undefined, architecture: undefined };
  return {
    id: `sha256:${createHash('sha256').update(config).digest('hex')}`,
    architecture: parse(imageConfig, config, 'the configuration of an image').architecture,
  };
}

function parse<S extends z.ZodType>(schema: S, text: Buffer | undefined, name: string): z.output<S> {
  try {
    return schema.parse(JSON.parse(text?.toString() ?? ''));
  } catch (error) {
    throw new KnestError(`${name} in it is not what it should be`, {
      code: 'ARCHIVE_UNUSABLE',
      cause: error,
    });
  }
}
