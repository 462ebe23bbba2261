import { InputError, KnestError } from '../../errors.ts';
import type { Host } from '../../host/types.ts';
import type { ResolvedKubernetes, ResolvedSource } from '../../plan/types.ts';
import { fitsVersion } from '../../spec/kubernetes-version.ts';
import { changedWhileCopied, digestOf, usableBinaries } from '../binaries-of-user.ts';
import { writeHashed } from '../hashed-copy.ts';
import { forgetFiles, sha256Of } from '../known-files.ts';
import type { KnownFilesContext } from '../known-files.ts';
import type { BuildContext, BuildFolders } from '../types.ts';
import { binariesFolder, kubernetesBinaries, parseKubeletVersion } from './binaries.ts';

export interface DirectoryRequest {
  /** Holds the binaries, or is a Kubernetes checkout that was built (`_output/bin`). */
  directory: string;
  /** See fitsVersion. */
  version: string | undefined;
  arch: string;
}

/**
 * The binaries of a directory of the user's: which version they are (kubelet says) and a digest of their contents.
 * @throws InputError when binaries are missing or are another version than wanted
 */
export async function resolveDirectory(
  { directory, version: wanted, arch }: DirectoryRequest,
  context: KnownFilesContext,
): Promise<ResolvedKubernetes> {
  const { local } = context;
  const folder = await findBinaries(directory, local);
  const version = await versionOf(folder, local);
  if (!fitsVersion(version, wanted)) {
    throw new InputError('Kubernetes', [
      {
        path: 'kubernetesVersion',
        message: `the kubelet in ${folder} is ${version} and not ${wanted ?? ''}`,
      },
    ]);
  }
  const digest = digestOf(await checksumsOf(folder, context));
  return {
    version,
    source: { kind: 'directory', directory: folder, digest },
    layerId: `kubernetes-${version}-directory-${arch}-${digest.slice(0, 12)}`,
    reason: `the binaries in ${folder}`,
  };
}

/**
 * Copies the binaries. Those with the same content (one executable under several names) are copied once.
 * @throws KnestError when they have changed since the plan was made
 */
export async function buildFromDirectory(
  {
    source,
    binaries,
  }: {
    source: ResolvedSource & { kind: 'directory' };
    /** Their digests, where they are locked. */
    binaries?: Readonly<Record<string, string>> | undefined;
  },
  { target }: BuildFolders,
  { host, user, paths, progress }: BuildContext,
): Promise<void> {
  const { directory } = source;
  progress(`copying the binaries from ${directory}`);
  const folder = target + binariesFolder;
  await host.makeDirectory(folder, 0o755);
  const context = { local: user.local, host, paths };
  const checksums = await checksumsOf(directory, context);
  if (binaries) refuseOthers(directory, checksums, binaries);
  if (digestOf(checksums) !== source.digest) throw changedWhileCopied(directory);
  const copied = new Map<string, string>();
  for (const [name, sum] of Object.entries(checksums)) {
    const same = copied.get(sum);
    if (same !== undefined) {
      await host.link(same, `${folder}/${name}`);
      continue;
    }
    copied.set(sum, name);
    const content = user.local.readStream(`${directory}/${name}`);
    if ((await writeHashed(host, `${folder}/${name}`, content, 0o755)) === sum) continue;
    await forgetFiles([`${directory}/${name}`], context);
    throw changedWhileCopied(directory);
  }
}

/** @throws KnestError */
function refuseOthers(
  directory: string,
  found: Readonly<Record<string, string>>,
  locked: Readonly<Record<string, string>>,
): void {
  const others = kubernetesBinaries.filter((name) => found[name] !== locked[name]);
  if (others.length === 0) return;
  throw new KnestError(`${directory} has other binaries than knest.lock: ${others.join(', ')}`, {
    code: 'LOCK_MISMATCH',
    details: others.flatMap((name) => [
      `${name} locked: sha256 ${locked[name] ?? 'none'}`,
      `${name} found:  sha256 ${found[name] ?? ''}`,
    ]),
    hint: 'knest lock takes them as they are now; --no-lock does without a lock',
  });
}

/** The folder itself, or where `make` in a Kubernetes checkout leaves its results. */
async function findBinaries(directory: string, host: Host): Promise<string> {
  const found = await host.stat(directory);
  if (found?.kind !== 'directory' && found?.kind !== 'link') {
    throw new InputError('Kubernetes', [{ path: 'source', message: `there is no directory ${directory}` }]);
  }
  const built = `${directory}/_output/bin`;
  const folder = (await host.stat(built)) ? built : directory;
  const usable = await usableBinaries(folder, kubernetesBinaries, host);
  const missing = kubernetesBinaries.filter((name) => !usable.includes(name));
  if (missing.length === 0) return folder;
  throw new InputError('Kubernetes', [
    {
      path: 'source',
      message: `${folder} lacks ${missing.join(', ')}, or they are not executable`,
      hint: 'in a Kubernetes checkout: make WHAT="cmd/kube-apiserver cmd/kubelet ..."',
    },
  ]);
}

async function versionOf(folder: string, host: Host): Promise<string> {
  const { stdout, stderr } = await host.run([`${folder}/kubelet`, '--version'], {
    okExitCodes: 'any',
    timeout: 30_000,
  });
  const version = parseKubeletVersion(stdout);
  if (version !== undefined) return version;
  throw new InputError('Kubernetes', [
    {
      path: 'source',
      message: `${folder}/kubelet does not tell its version: ${(stderr || stdout).trim().slice(0, 200)}`,
    },
  ]);
}

/** SHA-256 by name of binary. */
async function checksumsOf(folder: string, context: KnownFilesContext): Promise<Record<string, string>> {
  const sums = await sha256Of(
    kubernetesBinaries.map((name) => `${folder}/${name}`),
    context,
  );
  return Object.fromEntries(kubernetesBinaries.map((name, index) => [name, sums[index] ?? '']));
}
