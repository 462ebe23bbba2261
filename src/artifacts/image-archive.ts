import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';

import { extract } from 'tar-stream';

/** An index larger than this is not one. */
const indexLimit = 8 * 1024 * 1024;

/**
 * Names of the images in an archive: `docker save` (manifest.json) or OCI layout (index.json), gzipped or not.
 * @throws Error when it is neither
 */
export async function readArchiveImages(path: string): Promise<string[]> {
  const indexes = new Map<string, string>();
  const reader = extract();
  reader.on('entry', (header, stream, next) => {
    const name = header.name.replace(/^\.\//, '');
    const chunks: Buffer[] = [];
    const wanted = (name === 'manifest.json' || name === 'index.json') && header.size < indexLimit;
    stream.on('data', (chunk: unknown) => {
      if (wanted && Buffer.isBuffer(chunk)) chunks.push(chunk);
    });
    stream.on('end', () => {
      if (wanted) indexes.set(name, Buffer.concat(chunks).toString());
      next();
    });
    stream.resume();
  });
  const source = createReadStream(path);
  if (await isGzip(path)) await pipeline(source, createGunzip(), reader);
  else await pipeline(source, reader);
  const docker = indexes.get('manifest.json');
  const oci = indexes.get('index.json');
  const names = docker === undefined ? ociNames(oci) : dockerNames(docker);
  if (names === undefined)
    throw new Error('holds neither manifest.json (docker save) nor index.json (OCI layout)');
  return [...new Set(names)];
}

function dockerNames(text: string): string[] {
  const manifest = JSON.parse(text) as { RepoTags?: string[] | null }[];
  return manifest.flatMap(({ RepoTags }) => RepoTags ?? []);
}

/** containerd's annotation holds the whole name; the standard's may be a bare tag. */
function ociNames(text: string | undefined): string[] | undefined {
  if (text === undefined) return undefined;
  const index = JSON.parse(text) as { manifests?: { annotations?: Record<string, string> }[] };
  return (index.manifests ?? []).flatMap(({ annotations }) => {
    const name =
      annotations?.['io.containerd.image.name'] ?? annotations?.['org.opencontainers.image.ref.name'];
    return name === undefined ? [] : [name];
  });
}

async function isGzip(path: string): Promise<boolean> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(2), 0, 2, 0);
    return bytesRead === 2 && buffer[0] === 0x1f && buffer[1] === 0x8b;
  } finally {
    await file.close();
  }
}
