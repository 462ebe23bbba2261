import { createHash } from 'node:crypto';

import type { Dispatcher } from 'undici';

import { InputError, KnestError } from '../../errors.ts';
import type { ResolvedSource } from '../../plan/types.ts';
import { download, downloadProgress, fetchText, webClient } from '../download.ts';
import type { BuildContext, BuildFolders } from '../types.ts';
import { normalizeUrl } from '../../spec/values.ts';
import { isWholeVersion } from '../../spec/kubernetes-version.ts';
import { binariesFolder, kubernetesBinaries } from './binaries.ts';

/** Kubernetes' own release server (kubernetes.io/releases/download). */
export const defaultReleaseServer = 'https://dl.k8s.io';

/** A server with dl.k8s.io's layout: <baseUrl>/release/<version>/bin/linux/<arch>/<binary>, each with .sha256. */
export interface ReleaseServer {
  /** Without a slash at the end. */
  baseUrl: string;
  arch: string;
  client: Dispatcher;
  /** Milliseconds for each small answer. */
  timeout: number;
  signal?: AbortSignal | undefined;
}

/**
 * A server that has not been asked anything yet; its client is to be destroyed.
 * @param options mirror: its URL instead of Kubernetes' own; timeout: milliseconds for each small answer
 */
export async function openReleaseServer({
  mirror = defaultReleaseServer,
  proxyEnvironment,
  ...server
}: Pick<ReleaseServer, 'arch' | 'timeout' | 'signal'> & {
  mirror: string | undefined;
  proxyEnvironment: Readonly<Record<string, string>>;
}): Promise<ReleaseServer> {
  return { ...server, baseUrl: normalizeUrl(mirror), client: await webClient(proxyEnvironment) };
}

/** Checksums by name of binary. */
export type ReleaseChecksums = Readonly<Record<string, string>>;

/**
 * The version that a label of the server stands for: "stable", "latest-1.36". Each is a file.
 * @returns undefined: it has no such label
 * @throws KnestError when it does not answer
 */
export async function labelledRelease(server: ReleaseServer, label: string): Promise<string | undefined> {
  const url = `${server.baseUrl}/release/${label}.txt`;
  const text = await fetchText(url, server);
  if (text === undefined || (text.startsWith('v') && isWholeVersion(text))) return text;
  throw new KnestError(`${url} does not name a version`, {
    code: 'DOWNLOAD_FAILED',
    hint: 'say which version you want (--kubernetes-version v1.34.1), or use another server: --release-mirror URL',
  });
}

/**
 * The checksums of a version's binaries; undefined when the server does not have that version.
 * @throws InputError when it lacks some of the binaries; KnestError when it does not answer
 */
export async function releaseChecksums(
  server: ReleaseServer,
  version: string,
): Promise<ReleaseChecksums | undefined> {
  const found = await Promise.all(
    kubernetesBinaries.map(async (name) => ({
      name,
      text: await fetchText(`${urlOf(server, version, name)}.sha256`, server),
    })),
  );
  const missing = found.filter(({ text }) => text === undefined).map(({ name }) => name);
  if (missing.length === found.length) return undefined;
  if (missing.length > 0) {
    throw new InputError('Kubernetes', [
      {
        path: 'source',
        message: `${server.baseUrl} has no ${missing.join(', ')} of ${version} for ${server.arch}`,
      },
    ]);
  }
  return Object.fromEntries(
    found.map(({ name, text }) => [name, parseChecksum(text ?? '', urlOf(server, version, name))]),
  );
}

/** Id of the layer of a release: the same binaries from any mirror are the same layer. */
export function releaseLayerId(version: string, arch: string, checksums: ReleaseChecksums): string {
  const text = kubernetesBinaries.map((name) => `${checksums[name] ?? ''}  ${name}\n`).join('');
  return `kubernetes-${version}-release-${arch}-${createHash('sha256').update(text).digest('hex').slice(0, 12)}`;
}

/**
 * Downloads a release, all binaries at once, each verified. What a killed or interrupted download got is kept in the
 * workspace and continued.
 * @throws KnestError, see download(); InputError when the version is not there
 */
export async function buildFromRelease(
  {
    version,
    source,
    binaries,
  }: {
    version: string;
    source: ResolvedSource & { kind: 'release' };
    /** Their checksums, where they are settled; else the server says them. */
    binaries?: ReleaseChecksums | undefined;
  },
  { target, workspace }: BuildFolders,
  { host, facts, progress, signal }: BuildContext,
): Promise<void> {
  const client = await webClient(facts.proxyEnvironment);
  // the first failure ends the other downloads
  const failure = new AbortController();
  const stop = signal === undefined ? failure.signal : AbortSignal.any([signal, failure.signal]);
  const server = { baseUrl: source.baseUrl, arch: facts.arch, client, timeout: 20_000, signal: stop };
  try {
    const checksums = binaries ?? (await releaseChecksums(server, version));
    if (!checksums) throw unknownRelease(source.baseUrl, version);
    await host.makeDirectory(workspace, 0o755);
    const report = downloadProgress(progress, kubernetesBinaries.length);
    const results = await Promise.allSettled(
      kubernetesBinaries.map(async (name) => {
        const path = `${workspace}/${name}`;
        const url = urlOf(server, version, name);
        try {
          await download({
            host,
            url,
            path,
            sha256: checksums[name] ?? '',
            client,
            signal: stop,
            onProgress: report(name),
          });
        } catch (error) {
          // signals of several failures are one: the first counts
          if (!failure.signal.aborted) failure.abort(error);
          throw error;
        }
      }),
    );
    signal?.throwIfAborted();
    if (results.some((result) => result.status === 'rejected')) throw failure.signal.reason;
  } finally {
    await client.destroy();
  }
  const folder = target + binariesFolder;
  await host.makeDirectory(folder, 0o755);
  for (const name of kubernetesBinaries) await host.rename(`${workspace}/${name}`, `${folder}/${name}`);
  await host.run(['chmod', '755', '--', ...kubernetesBinaries.map((name) => `${folder}/${name}`)]);
}

export function unknownRelease(baseUrl: string, version: string): InputError {
  return new InputError('Kubernetes', [
    {
      path: 'kubernetesVersion',
      message: `${baseUrl} has no Kubernetes ${version}`,
      hint: `${baseUrl}/release/stable.txt names the newest`,
    },
  ]);
}

function urlOf({ baseUrl, arch }: ReleaseServer, version: string, name: string): string {
  return `${baseUrl}/release/${version}/bin/linux/${arch}/${name}`;
}

/** The file holds the bare sum; some mirrors write sha256sum's "sum  name". */
function parseChecksum(text: string, url: string): string {
  const sum = /^[0-9a-f]{64}\b/i.exec(text)?.[0];
  if (sum !== undefined) return sum.toLowerCase();
  throw new KnestError(`${url}.sha256 does not hold a SHA-256 checksum`, {
    code: 'DOWNLOAD_FAILED',
    hint: 'use another server: --release-mirror URL',
  });
}
