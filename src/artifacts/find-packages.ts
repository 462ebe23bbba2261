import { KnestError } from '../errors.ts';
import type { RootfsLayer } from '../plan/image.ts';
import type { DebianTree, LockedPackage } from '../spec/lock.ts';
import { normalizeUrl } from '../spec/values.ts';
import {
  aptEnvironment,
  aptFolderEntries,
  aptSolveCommand,
  aptUpdateCommand,
  parsePackageUris,
  parseReleaseDate,
  releaseFilesOf,
} from '../tools/apt-solver.ts';
import type { FoundPackage } from '../tools/apt-solver.ts';
import { keyring } from '../tools/apt-sources.ts';
import type { AptSources } from '../tools/apt-sources.ts';
import { explainBootstrap } from './bootstrap.ts';
import type { BuildContext } from './types.ts';

/** Debian's own, for hosts that have none; what mmdebstrap chooses by itself as well. */
const usualMirrors = {
  mirror: 'http://deb.debian.org/debian',
  securityMirror: 'http://security.debian.org/debian-security',
};

/**
 * Which packages the root file system of a spec would be made of now, by what its mirrors have. Downloads lists of packages
 * and none of them.
 * @param folder for apt; is removed
 * @throws KnestError for mirrors that cannot be reached, InputError for a suite that they do not have
 */
export async function findPackages(
  { suite, packages, proxy, ...named }: RootfsLayer,
  folder: string,
  context: BuildContext,
): Promise<DebianTree> {
  const { host, facts, progress, signal } = context;
  const { mirror = usualMirrors.mirror } = named;
  const { securityMirror } = named.mirror === undefined ? usualMirrors : named;
  const sources = {
    suite,
    mirror: normalizeUrl(mirror),
    securityMirror: securityMirror === undefined ? undefined : normalizeUrl(securityMirror),
  };
  const options = {
    env: { ...facts.proxyEnvironment, ...aptEnvironment(folder) },
    ...(signal === undefined ? {} : { signal }),
  };
  await host.remove(folder);
  try {
    const trusts = (await host.stat(keyring)) === undefined ? undefined : keyring;
    await host.put(
      aptFolderEntries({ folder, arch: debianArchitecture(facts.arch), sources, keyring: trusts, proxy }),
    );
    progress(`reading which packages ${sources.mirror} has`);
    await host.run(aptUpdateCommand, options);
    const { stdout } = await host.run(aptSolveCommand(packages), options);
    const lists = `${folder}/var/lib/apt/lists`;
    const files = releaseFilesOf(await host.list(lists));
    const dates = await Promise.all(
      files.map(async (name) => parseReleaseDate((await host.readFile(`${lists}/${name}`)) ?? '')),
    );
    return treeOf(sources, parsePackageUris(stdout), Math.max(0, ...dates.map((date) => date ?? 0)));
  } catch (error) {
    signal?.throwIfAborted();
    throw explainBootstrap(error, { suite, mirror: sources.mirror });
  } finally {
    await host.remove(folder);
  }
}

function treeOf(sources: AptSources, found: readonly FoundPackage[], date: number): DebianTree {
  const { suite, mirror, securityMirror } = sources;
  if (found.length === 0 || date === 0) {
    throw new KnestError(`${mirror} does not tell what packages of ${suite} it has`, {
      code: 'BUILD_FAILED',
      hint: 'name another Debian mirror: --mirror URL',
    });
  }
  return {
    suite,
    mirror,
    ...(securityMirror === undefined ? {} : { securityMirror }),
    date: new Date(date).toISOString().replace('.000', ''),
    packages: found
      .map((each) => lockedPackage(each, sources))
      .sort((a, b) => (a.name < b.name || (a.name === b.name && a.arch < b.arch) ? -1 : 1)),
  };
}

function lockedPackage(
  { url, name, version, arch, sha256 }: FoundPackage,
  { mirror, securityMirror }: AptSources,
): LockedPackage {
  const below = (base: string | undefined): string | undefined =>
    base !== undefined && url.startsWith(`${base}/`)
      ? decodeURIComponent(url.slice(base.length + 1))
      : undefined;
  const path = below(mirror);
  const securityPath = path === undefined ? below(securityMirror) : undefined;
  const common = { name, version, arch, sha256 };
  if (path !== undefined) return { ...common, path };
  if (securityPath !== undefined) return { ...common, path: securityPath, security: true };
  throw new Error(`${url} is on none of the mirrors that were asked`);
}

/** Go's name -> Debian's. */
export function debianArchitecture(arch: string): string {
  return arch === 'ppc64le' ? 'ppc64el' : arch;
}
