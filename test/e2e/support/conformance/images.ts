/** Images under the names by which Kubernetes 1.20's tests ask for them, in one archive as `docker save` writes it. */

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';

import { extract, pack } from 'tar-stream';

import { busyboxArchive } from '../busybox.ts';

/** Names in test/utils/image/manifest.go. */
const names = {
  agnhost: 'k8s.gcr.io/e2e-test-images/agnhost:2.21',
  busybox: 'docker.io/library/busybox:1.29',
  pause: 'k8s.gcr.io/pause:3.2',
} as const;

/** @param agnhost path of the program */
export async function suiteImages(agnhost: string): Promise<Buffer> {
  const layers = {
    busybox: await busyboxLayer(),
    agnhost: await layerOf({ agnhost: await readFile(agnhost) }),
  };
  const program = { Env: ['PATH=/bin'], Entrypoint: ['/agnhost'], Cmd: ['pause'] };
  const images = [
    { name: names.busybox, layers: ['busybox'], config: { Env: ['PATH=/bin'], Cmd: ['/bin/sh'] } },
    { name: names.agnhost, layers: ['busybox', 'agnhost'], config: program },
    { name: names.pause, layers: ['agnhost'], config: program },
  ] as const;

  const archive = pack();
  const result = buffer(archive);
  for (const [name, layer] of Object.entries(layers)) archive.entry({ name: `${name}.tar` }, layer);
  const manifest = images.map((image, index) => {
    const text = JSON.stringify({
      architecture: { x64: 'amd64', arm64: 'arm64' }[process.arch as string] ?? process.arch,
      os: 'linux',
      config: image.config,
      rootfs: { type: 'layers', diff_ids: image.layers.map((name) => digestOf(layers[name])) },
    });
    archive.entry({ name: `config-${index}.json` }, text);
    return {
      Config: `config-${index}.json`,
      RepoTags: [image.name],
      Layers: image.layers.map((name) => `${name}.tar`),
    };
  });
  archive.entry({ name: 'manifest.json' }, JSON.stringify(manifest));
  archive.finalize();
  return result;
}

async function busyboxLayer(): Promise<Buffer> {
  const reader = extract();
  reader.end(await readFile(await busyboxArchive()));
  for await (const entry of reader) {
    if (entry.header.name === 'layer.tar') return buffer(entry);
    entry.resume();
  }
  throw new Error('the archive of busybox has no layer');
}

function layerOf(programs: Readonly<Record<string, Buffer>>): Promise<Buffer> {
  const layer = pack();
  for (const [name, content] of Object.entries(programs)) {
    layer.entry({ name, mode: 0o755 }, content);
    // by which tests replace the image's own command
    layer.entry({ name: `${name}-2`, type: 'symlink', linkname: name });
  }
  layer.finalize();
  return buffer(layer);
}

function digestOf(layer: Buffer): string {
  return `sha256:${createHash('sha256').update(layer).digest('hex')}`;
}
