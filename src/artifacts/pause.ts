import { createHash } from 'node:crypto';
import { buffer } from 'node:stream/consumers';

import { pack } from 'tar-stream';

export interface PauseImage {
  /** With tag: "knest.local/pause:1". */
  name: string;
  /** Name of the program in the image's root, which is all that it holds. */
  program: string;
  content: Uint8Array;
  /** Go's name of the architecture. */
  arch: string;
}

/**
 * A container image of one static program, as a tar archive of an OCI image layout
 * (github.com/opencontainers/image-spec, image-layout.md). The same program always gives the same bytes.
 */
export async function pauseImageArchive({ name, program, content, arch }: PauseImage): Promise<Buffer> {
  const layer = await tarOf([{ path: program, content, mode: 0o755 }]);
  const config = json({
    created: '1970-01-01T00:00:00Z',
    architecture: arch,
    os: 'linux',
    // -P: wait for a signal, and reap what a shared PID namespace leaves behind
    config: { User: '65535:65535', Entrypoint: [`/${program}`, '-P'], WorkingDir: '/' },
    rootfs: { type: 'layers', diff_ids: [digestOf(layer)] },
    history: [{ created: '1970-01-01T00:00:00Z', created_by: 'knest' }],
  });
  const manifest = json({
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: describe('application/vnd.oci.image.config.v1+json', config),
    layers: [describe('application/vnd.oci.image.layer.v1.tar', layer)],
  });
  const index = json({
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.index.v1+json',
    manifests: [
      {
        ...describe('application/vnd.oci.image.manifest.v1+json', manifest),
        platform: { architecture: arch, os: 'linux' },
        // containerd takes the whole name from the first, other tools the second
        annotations: { 'io.containerd.image.name': name, 'org.opencontainers.image.ref.name': name },
      },
    ],
  });
  return tarOf([
    { path: 'oci-layout', content: json({ imageLayoutVersion: '1.0.0' }), mode: 0o644 },
    { path: 'index.json', content: index, mode: 0o644 },
    ...[config, manifest, layer].map((blob) => ({
      path: `blobs/sha256/${digestOf(blob).slice('sha256:'.length)}`,
      content: blob,
      mode: 0o644,
    })),
  ]);
}

interface TarFile {
  path: string;
  content: Uint8Array;
  mode: number;
}

function tarOf(files: readonly TarFile[]): Promise<Buffer> {
  const archive = pack();
  for (const { path, content, mode } of files) {
    archive.entry({ name: path, mode, mtime: new Date(0), uid: 0, gid: 0 }, Buffer.from(content));
  }
  archive.finalize();
  return buffer(archive);
}

function describe(mediaType: string, blob: Uint8Array): { mediaType: string; digest: string; size: number } {
  return { mediaType, digest: digestOf(blob), size: blob.byteLength };
}

function digestOf(blob: Uint8Array): string {
  return `sha256:${createHash('sha256').update(blob).digest('hex')}`;
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}
