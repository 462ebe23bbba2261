import type { AptFacts } from '../../facts/types.ts';
import type { Host } from '../../host/types.ts';
import {
  indexTargetsCommand,
  parseIndexTargets,
  parseProxy,
  proxyCommand,
  type IndexTarget,
} from '../../tools/apt.ts';

/**
 * Where this host gets Debian packages from; undefined on hosts without apt. Takes about half a second (apt reads
 * all of its package lists first), so it is only asked when a root file system must be built.
 */
export async function gatherAptFacts(host: Host): Promise<AptFacts | undefined> {
  if (!(await host.stat('/usr/bin/apt-get'))) return undefined;
  const [targets, proxy] = await Promise.all([
    host.run(indexTargetsCommand, { okExitCodes: 'any', timeout: 30_000 }),
    host.run(proxyCommand, { okExitCodes: 'any', timeout: 30_000 }),
  ]);
  const debian = parseIndexTargets(targets.stdout).filter(isDebian);
  const [mirror, securityMirror] = await Promise.all([
    firstUsable(
      host,
      debian.filter((target) => !isSecurity(target)),
    ),
    firstUsable(host, debian.filter(isSecurity)),
  ]);
  return { mirror, securityMirror, proxy: parseProxy(proxy.stdout) };
}

/** By what the archive says of itself; where it was never read, by the usual name of the folder. */
function isDebian({ uri, component, origin }: IndexTarget): boolean {
  if (origin !== '') return origin === 'Debian';
  return component === 'main' && /\/debian(-security)?\/?$|^mirror\+file:.*debian/.test(uri);
}

function isSecurity({ release, label }: IndexTarget): boolean {
  return label === 'Debian-Security' || /(-security|\/updates)$/.test(release);
}

/** A mirror must also work from inside a chroot: http(s) only. */
async function firstUsable(host: Host, targets: readonly IndexTarget[]): Promise<string | undefined> {
  for (const { uri } of targets) {
    const resolved = await resolveMirrorList(host, uri);
    if (resolved !== undefined && /^https?:\/\//.test(resolved)) return resolved.replace(/\/+$/, '');
  }
  return undefined;
}

/** Debian's cloud images say mirror+file:/etc/apt/mirrors/debian.list (apt-transport-mirror(1)): its first line. */
async function resolveMirrorList(host: Host, uri: string): Promise<string | undefined> {
  const path = /^mirror\+file:(?:\/\/)?(\/[^/].*?)\/?$/.exec(uri)?.[1];
  if (path === undefined) return uri;
  const lines = ((await host.readFile(path)) ?? '').split('\n').map((line) => line.trim());
  return lines.find((line) => line !== '' && !line.startsWith('#'))?.split(/\s/)[0];
}
