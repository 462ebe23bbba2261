/** The busybox image of these tests in pieces, and under other names. */

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';

import { extract, pack } from 'tar-stream';

import { busyboxArchive } from './busybox.ts';

export interface Blob {
  digest: string;
  content: Buffer;
}

export interface Image {
  config: Blob;
  layer: Blob;
  manifest: Blob & { type: string };
}

/** @param label something that makes it another image, with another digest */
export async function busyboxPieces(label: string): Promise<Image> {
  const files = new Map<string, Buffer>();
  const reader = extract();
  reader.on('entry', (header, stream, next) => {
    void buffer(stream).then((content) => {
      files.set(header.name, content);
      next();
    });
  });
  await pipeline(createReadStream(await busyboxArchive()), reader);
  const config = JSON.parse(files.get('config.json')?.toString() ?? '') as {
    config: object;
    architecture: string;
  };
  const described = { ...config, config: { ...config.config, Labels: { label } } };
  const image = {
    config: blobOf(Buffer.from(JSON.stringify(described))),
    layer: blobOf(files.get('layer.tar') ?? Buffer.alloc(0)),
  };
  const type = 'application/vnd.oci.image.manifest.v1+json';
  const manifest = {
    schemaVersion: 2,
    mediaType: type,
    config: describe('application/vnd.oci.image.config.v1+json', image.config),
    layers: [describe('application/vnd.oci.image.layer.v1.tar', image.layer)],
  };
  return { ...image, manifest: { ...blobOf(Buffer.from(JSON.stringify(manifest))), type } };
}

/** As `docker save` writes it. */
export async function writeDockerArchive(path: string, name: string, image: Image): Promise<void> {
  const manifest = [{ Config: 'config.json', RepoTags: [name], Layers: ['layer.tar'] }];
  await writeFile(
    path,
    await tarOf({
      'layer.tar': image.layer.content,
      'config.json': image.config.content,
      'manifest.json': Buffer.from(JSON.stringify(manifest)),
    }),
  );
}

/** An OCI image layout. */
export async function writeOciArchive(path: string, name: string, image: Image): Promise<void> {
  const annotations = { 'org.opencontainers.image.ref.name': name };
  const index = {
    schemaVersion: 2,
    manifests: [{ ...describe(image.manifest.type, image.manifest), annotations }],
  };
  const blobs = [image.layer, image.config, image.manifest].map(
    ({ digest, content }) => [`blobs/${digest.replace(':', '/')}`, content] as const,
  );
  await writeFile(
    path,
    await tarOf({
      ...Object.fromEntries(blobs),
      'index.json': Buffer.from(JSON.stringify(index)),
      'oci-layout': Buffer.from('{"imageLayoutVersion":"1.0.0"}'),
    }),
  );
}

function tarOf(files: Readonly<Record<string, Buffer>>): Promise<Buffer> {
  const archive = pack();
  for (const [name, content] of Object.entries(files)) archive.entry({ name, mode: 0o644 }, content);
  archive.finalize();
  return buffer(archive);
}

function blobOf(content: Buffer): Blob {
  return { content, digest: `sha256:${createHash('sha256').update(content).digest('hex')}` };
}

function describe(mediaType: string, { digest, content }: Blob) {
  return { mediaType, digest, size: content.length };
}
