/** A Debian system that is always the same: of packages that are named with their checksums. */

import { InputError, KnestError, tail } from '../errors.ts';
import { CommandError } from '../errors.ts';
import type { RootfsLayer } from '../plan/image.ts';
import type { DebianTree, LockedPackage } from '../spec/lock.ts';
import { normalizeUrl, urlProblem } from '../spec/values.ts';
import { aptDownloadCommand } from '../tools/apt-solver.ts';
import type { AptSources } from '../tools/apt-sources.ts';
import { flatRepositoryScript } from '../tools/flat-repository.ts';
import { mmdebstrapCommand, mmdebstrapProgress } from '../tools/mmdebstrap.ts';
import { parseSha256, sha256Command } from '../tools/sha256sum.ts';
import { isolatedCommand } from '../tools/unshare.ts';
import { explainBootstrap } from './bootstrap.ts';
import type { BuildContext, BuildFolders } from './types.ts';

/** Keeps every state that Debian's archive ever had. */
const snapshots = 'http://snapshot.debian.org';

/**
 * Makes the system. Its packages come from the mirrors, and those that are gone there from an archive of snapshots
 * (KNEST_SNAPSHOT_MIRROR); they become a repository of their own, which is all that apt knows. What was downloaded stays in
 * the workspace when it is interrupted.
 * @returns the sources that the system itself is to have
 * @throws KnestError naming the packages that cannot be had
 */
export async function bootstrapLocked(
  layer: RootfsLayer & { locked: DebianTree },
  { target, workspace }: BuildFolders,
  context: BuildContext,
): Promise<AptSources> {
  const { locked } = layer;
  const { host, facts, progress, signal } = context;
  if (facts.programs['mmdebstrap'] === undefined) {
    throw new KnestError(`${host.name} has no mmdebstrap, which makes locked systems`, {
      code: 'HOST_UNFIT',
      hint: 'apt-get install mmdebstrap',
    });
  }
  const repository = `${workspace}/packages`;
  await getPackages(layer, repository, context);
  const { suite, date, packages, mirror, securityMirror } = locked;
  await host.run(
    ['sh', '-c', flatRepositoryScript, repository, suite],
    signal === undefined ? {} : { signal },
  );
  const argv = mmdebstrapCommand({
    suite,
    target,
    packages: packages.map(({ name }) => name),
    // each checksum has been compared
    sources: [`deb [trusted=yes] copy://${repository} ./`],
    unsandboxed: true,
  });
  try {
    await host.run(isolatedCommand(argv), {
      env: { DEBIAN_FRONTEND: 'noninteractive', SOURCE_DATE_EPOCH: String(secondsOf(date)) },
      onLine: (line) => {
        const message = mmdebstrapProgress(line);
        if (message !== undefined) progress(message);
      },
      ...(signal === undefined ? {} : { signal }),
    });
  } catch (error) {
    signal?.throwIfAborted();
    throw explainBootstrap(error, { suite, mirror });
  }
  return { suite, mirror, securityMirror };
}

/** Nothing in the tree is younger than the archive's state; for when it is finished. */
export function noYoungerThan({ date }: DebianTree, root: string): string[] {
  const time = `@${secondsOf(date)}`;
  const touch = ['touch', '--no-dereference', `--date=${time}`, '--', '{}', '+'];
  return ['find', root, '-xdev', '-newermt', time, '-exec', ...touch];
}

function secondsOf(date: string): number {
  return Math.floor(Date.parse(date) / 1000);
}

/** Where a package may be; the first that has it. */
type Place = (each: LockedPackage) => string | undefined;

async function getPackages(
  layer: RootfsLayer & { locked: DebianTree },
  repository: string,
  context: BuildContext,
): Promise<void> {
  const { host, facts, progress, signal } = context;
  const { packages } = layer.locked;
  await host.makeDirectory(repository, 0o755);
  const places = placesOf(layer, snapshotMirror(context));
  let missing = await lacking(packages, repository, context);
  let said = '';
  for (const place of places) {
    const wanted = missing.flatMap((each) => {
      const url = place(each);
      return url === undefined ? [] : [{ url, path: `${repository}/${fileOf(each)}`, sha256: each.sha256 }];
    });
    if (wanted.length === 0) continue;
    let got = packages.length - missing.length;
    const command = aptDownloadCommand(wanted, layer.proxy);
    await host
      .run(command, {
        env: facts.proxyEnvironment,
        onLine: (line) => {
          if (/^Get:\d/.test(line)) progress(`downloaded ${(got += 1)} of ${packages.length} packages`);
        },
        ...(signal === undefined ? {} : { signal }),
      })
      .catch((error: unknown) => {
        signal?.throwIfAborted();
        // that some are not there is what the next place is for
        if (!(error instanceof CommandError) || error.reason !== 'exit') throw error;
        said = error.stderr;
      });
    missing = await lacking(missing, repository, context);
  }
  const [first] = missing;
  if (!first) return;
  const tried = places.flatMap((place) => place(first) ?? []);
  throw new KnestError(
    `${missing.length} of ${packages.length} packages that knest.lock names cannot be had: ${missing
      .slice(0, 5)
      .map(({ name, version }) => `${name} ${version}`)
      .join(', ')}${missing.length > 5 ? ', ...' : ''}`,
    {
      code: 'DOWNLOAD_FAILED',
      details: [...tried.map((url) => `tried ${url}`), ...tail(said, 3)],
      hint: 'name a mirror of snapshot.debian.org that this host can reach: KNEST_SNAPSHOT_MIRROR=URL; or take what there is now: knest lock',
    },
  );
}

/** This host's own mirrors, those of the lock, the archive of snapshots. */
function placesOf(
  { mirror, securityMirror, locked }: RootfsLayer & { locked: DebianTree },
  snapshot: string,
): Place[] {
  const below = (base: string | undefined, { path }: LockedPackage): string | undefined =>
    base === undefined ? undefined : `${normalizeUrl(base)}/${path.replaceAll('+', '%2b')}`;
  const time = snapshotTime(locked.date);
  const own: Place = (each) => below(each.security ? securityMirror : mirror, each);
  const theirs: Place = (each) => below(each.security ? locked.securityMirror : locked.mirror, each);
  const kept: Place = (each) =>
    below(`${snapshot}/archive/${each.security ? 'debian-security' : 'debian'}/${time}`, each);
  const same = mirror === locked.mirror && securityMirror === locked.securityMirror;
  return [...(same ? [] : [own]), theirs, kept];
}

/**
 * "20261125T082231Z". A snapshot is taken of what mirrors have, some time after the archive has said its Date, four times a
 * day; a package that is replaced stays on mirrors for a day. So the first snapshot that has all of them is no older than
 * six hours.
 */
function snapshotTime(date: string): string {
  const later = new Date(Date.parse(date) + 6 * 3_600_000);
  return later.toISOString().replace(/\.\d+|[-:]/g, '');
}

/** @throws InputError */
function snapshotMirror({ user }: BuildContext): string {
  const url = user.env['KNEST_SNAPSHOT_MIRROR'] || snapshots;
  const message = urlProblem(url);
  if (message !== undefined)
    throw new InputError('environment', [{ path: 'KNEST_SNAPSHOT_MIRROR', message }]);
  return normalizeUrl(url);
}

function fileOf({ path }: LockedPackage): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** Those that are not there, or are others; a half-downloaded file is removed. */
async function lacking(
  packages: readonly LockedPackage[],
  repository: string,
  { host }: BuildContext,
): Promise<LockedPackage[]> {
  const names = new Set(await host.list(repository));
  const present = packages.filter((each) => names.has(fileOf(each)));
  if (present.length === 0) return [...packages];
  const { stdout } = await host.run(sha256Command(present.map((each) => `${repository}/${fileOf(each)}`)));
  const sums = parseSha256(stdout);
  const good = new Set(present.filter(({ sha256 }, index) => sums[index] === sha256));
  for (const each of present) if (!good.has(each)) await host.remove(`${repository}/${fileOf(each)}`);
  return packages.filter((each) => !good.has(each));
}
