/** apt's source lists (sources.list(5)), and apt-get(8) inside a root file system being made. */

import { isSnapshot } from '../formats/debian-mirror.ts';

export interface AptSources {
  suite: string;
  mirror: string;
  /** Mirror of <suite>-security. */
  securityMirror: string | undefined;
}

/** Keys of the Debian archive, from debian-archive-keyring, which Debian's apt depends on. */
export const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';

/** One-line entries, for tools that take them as arguments. */
export function aptSourceLines({ suite, mirror, securityMirror }: AptSources): string[] {
  const line = (uri: string, name: string): string =>
    `deb ${isSnapshot(uri) ? '[check-valid-until=no] ' : ''}${uri} ${name} main`;
  const lines = [line(mirror, suite)];
  if (!hasUpdates(suite)) return lines;
  lines.push(line(mirror, `${suite}-updates`));
  if (securityMirror !== undefined) lines.push(line(securityMirror, `${suite}-security`));
  return lines;
}

/** The contents of /etc/apt/sources.list.d/debian.sources (deb822). */
export function renderAptSources(
  { suite, mirror, securityMirror }: AptSources,
  types: readonly ('deb' | 'deb-src')[] = ['deb'],
): string {
  const stanza = (uri: string, suites: readonly string[]) =>
    [
      `Types: ${types.join(' ')}`,
      `URIs: ${uri}`,
      `Suites: ${suites.join(' ')}`,
      'Components: main',
      `Signed-By: ${keyring}`,
      ...(isSnapshot(uri) ? ['Check-Valid-Until: no'] : []),
      '',
    ].join('\n');
  const stanzas = [stanza(mirror, hasUpdates(suite) ? [suite, `${suite}-updates`] : [suite])];
  if (hasUpdates(suite) && securityMirror !== undefined)
    stanzas.push(stanza(securityMirror, [`${suite}-security`]));
  return stanzas.join('\n');
}

export interface AptSource {
  uri: string;
  suite: string;
}

/** The binary package sources in a sources.list or a .sources file. */
export function parseAptSources(text: string): AptSource[] {
  return /^Types:/im.test(text) ? parseStanzas(text) : parseLines(text);
}

/** Where the mirror of a suite and of its security updates are, as far as the sources tell. */
export function findMirrors(
  sources: readonly AptSource[],
  suite: string,
): { mirror: string | undefined; securityMirror: string | undefined } {
  const uriOf = (wanted: string) => sources.find((source) => source.suite === wanted)?.uri;
  return { mirror: uriOf(suite), securityMirror: uriOf(`${suite}-security`) };
}

/** A shell script: everything up to date, these packages and what they need installed. */
export function aptInstallScript(packages: readonly string[]): string {
  const apt = 'apt-get -y -q -o APT::Install-Recommends=false -o DPkg::Options::=--force-unsafe-io';
  return ['set -e', `${apt} update`, `${apt} dist-upgrade`, `${apt} install ${packages.join(' ')}`].join(
    '\n',
  );
}

/** "Setting up runc (1.1.15) ..." -> "setting up runc"; undefined for lines that are no news. */
export function aptProgress(line: string): string | undefined {
  const [, verb, name] = /^(Unpacking|Setting up) (\S+)/.exec(line.trim()) ?? [];
  return verb === undefined || name === undefined ? undefined : `${verb.toLowerCase()} ${name}`;
}

/** unstable has neither -updates nor -security. */
function hasUpdates(suite: string): boolean {
  return !['sid', 'unstable', 'experimental'].includes(suite);
}

function parseLines(text: string): AptSource[] {
  return text.split('\n').flatMap((line) => {
    const [, uri, suite] = /^\s*deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)/.exec(line) ?? [];
    return uri === undefined || suite === undefined ? [] : [{ uri, suite }];
  });
}

function parseStanzas(text: string): AptSource[] {
  return text.split(/\n\s*\n/).flatMap((stanza) => {
    const words = (field: string) =>
      (new RegExp(`^${field}:[ \\t]*(.*)$`, 'im').exec(stanza)?.[1] ?? '').split(/\s+/).filter(Boolean);
    if (!words('Types').includes('deb') || words('Enabled')[0] === 'no') return [];
    return words('URIs').flatMap((uri) => words('Suites').map((suite) => ({ uri, suite })));
  });
}
