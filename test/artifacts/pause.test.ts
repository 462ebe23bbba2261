import { createHash } from 'node:crypto';
import { text } from 'node:stream/consumers';

import { extract } from 'tar-stream';
import { describe, expect, it } from 'vitest';

import { pauseImageArchive } from '../../src/artifacts/pause.ts';

const image = {
  name: 'knest.local/pause:1',
  program: 'catatonit',
  content: Buffer.from('ELF...'),
  arch: 'arm64',
};

interface Descriptor {
  digest: string;
  size: number;
  annotations?: Record<string, string>;
}

describe('pauseImageArchive', () => {
  it('always gives the same bytes', async () => {
    expect((await pauseImageArchive(image)).equals(await pauseImageArchive(image))).toBe(true);
  });

  it('is an OCI image layout whose digests are right', async () => {
    const files = await unpack(await pauseImageArchive(image));
    expect(files.get('oci-layout')).toBe('{"imageLayoutVersion":"1.0.0"}');
    const index = JSON.parse(files.get('index.json') ?? '') as { manifests: [Descriptor] };
    expect(index.manifests[0].annotations).toEqual({
      'io.containerd.image.name': 'knest.local/pause:1',
      'org.opencontainers.image.ref.name': 'knest.local/pause:1',
    });
    const manifest = JSON.parse(blob(files, index.manifests[0])) as {
      config: Descriptor;
      layers: [Descriptor];
    };
    const config = JSON.parse(blob(files, manifest.config)) as {
      architecture: string;
      config: { Entrypoint: string[] };
      rootfs: { diff_ids: string[] };
    };
    expect(config.architecture).toBe('arm64');
    expect(config.config.Entrypoint).toEqual(['/catatonit', '-P']);
    expect(config.rootfs.diff_ids).toEqual([manifest.layers[0].digest]);
    expect(await unpack(Buffer.from(blob(files, manifest.layers[0])))).toEqual(
      new Map([['catatonit', 'ELF...']]),
    );
  });
});

function blob(files: ReadonlyMap<string, string>, { digest, size }: Descriptor): string {
  const content = files.get(`blobs/${digest.replace(':', '/')}`) ?? '';
  expect(Buffer.byteLength(content)).toBe(size);
  expect(`sha256:${createHash('sha256').update(content).digest('hex')}`).toBe(digest);
  return content;
}

async function unpack(archive: Buffer): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  const reader = extract();
  reader.end(archive);
  for await (const entry of reader) files.set(entry.header.name, await text(entry));
  return files;
}
