import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';

import { extract } from 'tar-stream';

import { KnestError, messageOf } from '../../errors.ts';
import { dashed } from '../../formats/dashed.ts';
import type { Host } from '../../host/types.ts';
import type { ComponentLayer } from '../../plan/types.ts';
import type { ComponentName } from '../../spec/types.ts';
import { download, downloadProgress, fetchText, webClient } from '../download.ts';
import type { FetchTextOptions } from '../download.ts';
import type { BuildContext, BuildFolders } from '../types.ts';
import { checksumIn, componentLayouts, releaseUrl } from './layouts.ts';

/** Raise it when the same file would become another layer. */
const format = 1;

/** What to do when a server is of no use. */
export const otherServer = 'use another server: --component-mirror URL';

/** A server with the layout of GitHub's releases, <baseUrl>/<owner>/<name>/releases/download/v<version>/<file>. */
export interface ComponentServer extends FetchTextOptions {
  /** Without a slash at the end. */
  baseUrl: string;
  arch: string;
}

/**
 * The checksum of a release.
 * @returns undefined: the server does not have it
 * @throws KnestError when it does not answer, or has a checksum that is none
 */
export async function releaseChecksum(
  server: ComponentServer,
  component: ComponentName,
  version: string,
): Promise<string | undefined> {
  const layout = componentLayouts[component];
  const file = layout.file(version, server.arch);
  const url = releaseUrl(server.baseUrl, component, version, layout.checksums(version, server.arch));
  const text = await fetchText(url, { ...server, otherServer });
  if (text === undefined) return undefined;
  const sum = checksumIn(text, file);
  if (sum !== undefined) return sum;
  throw new KnestError(`${url} does not hold a SHA-256 checksum of ${file}`, {
    code: 'DOWNLOAD_FAILED',
    hint: otherServer,
  });
}

/** The layer of a release: the same file from any mirror is the same layer. */
export function releaseLayer(
  component: ComponentName,
  { version, baseUrl, arch, sha256 }: { version: string; baseUrl: string; arch: string; sha256: string },
): ComponentLayer {
  const hash = createHash('sha256').update(JSON.stringify({ format, sha256 })).digest('hex').slice(0, 12);
  return {
    kind: 'component',
    id: `${dashed(component)}-${version}-release-${arch}-${hash}`,
    component,
    version,
    source: { kind: 'release', baseUrl },
    sha256,
  };
}

/**
 * Downloads a release, verifies it, and puts its programs where Debian has them.
 * @throws KnestError, see download(); when a program is missing in it
 */
export async function buildComponentRelease(
  layer: ComponentLayer & { source: { kind: 'release' } },
  { target, workspace }: BuildFolders,
  { host, facts, progress, signal }: BuildContext,
): Promise<void> {
  const { component, version = '', source, sha256 = '' } = layer;
  const file = componentLayouts[component].file(version, facts.arch);
  const path = `${workspace}/${file}`;
  const client = await webClient(facts.proxyEnvironment);
  await host.makeDirectory(workspace, 0o755);
  try {
    await download({
      host,
      url: releaseUrl(source.baseUrl, component, version, file),
      path,
      sha256,
      client,
      signal: signal ?? new AbortController().signal,
      otherServer,
      onProgress: downloadProgress(progress, 1)(file),
    });
  } finally {
    await client.destroy();
  }
  progress(`unpacking ${file}`);
  await complete(layer, await programsOf(component, path, target, host), target, host);
  await host.remove(path);
}

/** Writes the programs of a file into the tree. @returns their names */
async function programsOf(
  component: ComponentName,
  path: string,
  target: string,
  host: Host,
): Promise<string[]> {
  const { programs, perhaps } = componentLayouts[component];
  const places: Readonly<Record<string, string>> = { ...programs, ...perhaps };
  if (!/\.(tar\.gz|tgz)$/.test(path)) {
    const [name = ''] = Object.keys(programs);
    await host.writeStream(`${target}${places[name] ?? ''}`, host.readStream(path), 0o755);
    return [name];
  }
  return unpack(host.readStream(path), places, (place, content) =>
    host.writeStream(target + place, content, 0o755),
  );
}

/**
 * Regular files of an archive that have a place, by the last part of their names. Paths in the archive are never used:
 * nothing is written but at these places.
 * @returns names of those that were there
 */
async function unpack(
  archive: Readable,
  places: Readonly<Record<string, string>>,
  write: (place: string, content: Readable) => Promise<unknown>,
): Promise<string[]> {
  const found: string[] = [];
  const reader = extract();
  const reading = pipeline(archive, createGunzip(), reader);
  // whoever reads the entries gets the same error
  reading.catch(() => undefined);
  try {
    for await (const entry of reader) {
      const name = entry.header.name.replace(/^.*\//, '');
      const place = entry.header.type === 'file' ? places[name] : undefined;
      if (place === undefined) {
        entry.resume();
        continue;
      }
      await write(place, Readable.from(entry, { objectMode: false }));
      found.push(name);
    }
    await reading;
  } catch (error) {
    throw new KnestError(`it cannot be unpacked: ${messageOf(error)}`, {
      code: 'ARCHIVE_UNUSABLE',
      hint: otherServer,
      cause: error,
    });
  }
  return found;
}

/** @throws KnestError when programs are missing */
async function complete(
  { id, component }: ComponentLayer,
  found: readonly string[],
  target: string,
  host: Host,
): Promise<void> {
  const { programs, links } = componentLayouts[component];
  const missing = Object.keys(programs).filter((name) => !found.includes(name));
  if (missing.length > 0) {
    throw new KnestError(`${id}: what was downloaded lacks ${missing.join(', ')}`, {
      code: 'LAYER_UNUSABLE',
      hint: otherServer,
    });
  }
  for (const [path, leadsTo] of Object.entries(links)) await host.link(leadsTo, target + path);
}
