/**
 * apt-get(8) as a solver: which packages a Debian system of nothing but these would be made of, and where each is. It works
 * in a folder of its own and neither reads the host's settings nor writes anywhere else (apt.conf(5), APT_CONFIG).
 */

import type { TreeEntry } from '../host/types.ts';
import { aptSourceLines } from './apt-sources.ts';
import type { AptSources } from './apt-sources.ts';

export interface AptFolder {
  /** Absolute. */
  folder: string;
  /** Debian's name. */
  arch: string;
  sources: AptSources;
  /** Where the archive's keys are; undefined: those that the host's apt trusts. */
  keyring: string | undefined;
  proxy: string | undefined;
}

/** What such a folder holds. */
export function aptFolderEntries({ folder, arch, sources, keyring, proxy }: AptFolder): TreeEntry[] {
  const text = (path: string, content: string): TreeEntry => ({ path: folder + path, content, mode: 0o644 });
  const directory = (path: string): TreeEntry => ({ path: folder + path, directory: true, mode: 0o755 });
  const lines = aptSourceLines(sources).map((line) =>
    keyring === undefined ? line : signedBy(keyring, line),
  );
  const settings = {
    Dir: folder,
    'Dir::State::status': `${folder}/status`,
    ...(keyring === undefined ? { 'Dir::Etc::trustedparts': '/etc/apt/trusted.gpg.d' } : {}),
    'APT::Architecture': arch,
    'APT::Architectures': arch,
    'APT::Install-Recommends': 'false',
    // as root's folder may be closed to others
    'APT::Sandbox::User': 'root',
    'Acquire::Languages': 'none',
    'Acquire::Retries': '3',
    'Acquire::ForceHash': 'SHA256',
    ...(proxy === undefined ? {} : { 'Acquire::http::Proxy': proxy }),
  };
  return [
    text(
      '/apt.conf',
      Object.entries(settings)
        .map(([key, value]) => `${key} "${value}";\n`)
        .join(''),
    ),
    text('/etc/apt/sources.list', lines.map((line) => `${line}\n`).join('')),
    text('/status', ''),
    ...['/etc/apt/apt.conf.d', '/etc/apt/preferences.d', '/etc/apt/sources.list.d'].map(directory),
    ...['/var/lib/apt/lists/partial', '/var/cache/apt/archives/partial', '/var/log/apt'].map(directory),
  ];
}

/** The line with one more option, beside those that it may have. */
function signedBy(keyring: string, line: string): string {
  return line.replace(
    /^deb (\[)?/,
    (_, options?: string) => `deb [signed-by=${keyring}${options ? ' ' : '] '}`,
  );
}

/** The environment of the two commands below. */
export function aptEnvironment(folder: string): Record<string, string> {
  return { APT_CONFIG: `${folder}/apt.conf` };
}

export const aptUpdateCommand = ['apt-get', '-q', 'update'] as const;

/** The packages, what they need, and what belongs to every system: the set that mmdebstrap's variant minbase has. */
export function aptSolveCommand(packages: readonly string[]): string[] {
  const minimal = ['apt', '?essential', '?priority(required)'];
  return ['apt-get', '-qq', '--print-uris', '-y', 'install', ...minimal, ...packages];
}

export interface FoundPackage {
  url: string;
  name: string;
  version: string;
  arch: string;
  sha256: string;
}

/** Lines of `--print-uris`: 'http://.../curl_8.14_amd64.deb' curl_8.14_amd64.deb 270000 SHA256:... */
export function parsePackageUris(text: string): FoundPackage[] {
  return text.split('\n').flatMap((line) => {
    const [, url, file, sha256] = /^'([^']+)' (\S+)\.deb \d+ SHA256:([0-9a-f]{64})$/.exec(line.trim()) ?? [];
    const [name, version, arch] = (file ?? '').split('_').map(decodeURIComponent);
    if (url === undefined || !name || !version || !arch || sha256 === undefined) return [];
    return [{ url, name, version, arch, sha256 }];
  });
}

/** Where apt keeps the archive's own words about its state: names of InRelease and Release files. */
export function releaseFilesOf(names: readonly string[]): string[] {
  return names.filter((name) => /_(In)?Release$/.test(name));
}

/** Milliseconds since 1970 of a Release file's Date; undefined: it says none. */
export function parseReleaseDate(text: string): number | undefined {
  const date = Date.parse(/^Date: (.+)$/m.exec(text)?.[1] ?? '');
  return Number.isNaN(date) ? undefined : date;
}

/**
 * Downloads files by apt's own ways (proxies, retries), each with its checksum. Those that can be had are there in the end
 * also when it fails.
 */
export function aptDownloadCommand(
  files: readonly { url: string; path: string; sha256: string }[],
  proxy: string | undefined,
): string[] {
  return [
    '/usr/lib/apt/apt-helper',
    ...['-o', 'APT::Sandbox::User=root', '-o', 'Acquire::Retries=3'],
    ...(proxy === undefined ? [] : ['-o', `Acquire::http::Proxy=${proxy}`]),
    'download-file',
    ...files.flatMap(({ url, path, sha256 }) => [url, path, `SHA256:${sha256}`]),
  ];
}
