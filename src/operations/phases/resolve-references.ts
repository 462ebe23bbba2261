import { digestOf } from '../../artifacts/images-layer.ts';
import { learnAbout } from '../../artifacts/known-files.ts';
import type { FileReader } from '../../artifacts/known-files.ts';
import { InputError } from '../../errors.ts';
import type { Problem } from '../../errors.ts';
import type { Host } from '../../host/types.ts';
import { pickProxies } from '../../observe/host/gather.ts';
import { gatherKernel } from '../../observe/host/kernel.ts';
import { isLoopbackUrl, loopbackHint, loopbackProxy } from '../../spec/validate/registries.ts';
import { lockFileName } from '../../spec/lock-file-name.ts';
import type { Lock } from '../../spec/lock.ts';
import { isPem } from '../../spec/registries.ts';
import type { ClusterSpec, ImageArchiveSpec, ProxySpec, RegistryAccess } from '../../spec/types.ts';
import { withArchives } from '../../artifacts/open-archives.ts';
import type { Session } from '../session.ts';
import { resolveManifests } from './resolve-manifests.ts';

/**
 * The first phase: the spec with what it only points at: certificates, archives of images, manifests, the environment's proxies. So the cluster
 * stays as it was made, whatever becomes of these files, and nodes that are added later are like the others.
 * @throws InputError with all files that cannot be read or are not what they should be
 */
export async function resolveReferences(session: Session, spec: ClusterSpec): Promise<ClusterSpec> {
  return {
    ...spec,
    registries: spec.registries && (await withCertificates(session, spec.registries)),
    proxy: spec.proxy ?? proxyOfEnvironment(session),
    images: spec.images && (await resolveImages(session, spec)),
    manifests: spec.manifests && (await resolveManifests(session, spec.manifests)),
  };
}

async function withCertificates(
  { workstation: { local } }: Session,
  registries: readonly RegistryAccess[],
): Promise<RegistryAccess[]> {
  const read = await Promise.all(
    registries.map(({ ca }) => (ca === undefined || isPem(ca) ? Promise.resolve(ca) : local.readFile(ca))),
  );
  const problems = registries.flatMap(({ ca }, index): Problem[] => {
    const text = read[index];
    if (ca === undefined || (text !== undefined && isPem(text))) return [];
    const message =
      text === undefined ? `there is no file ${ca} on ${local.name}` : `${ca} holds no certificate in PEM`;
    return [{ path: `registries[${index}].ca`, message }];
  });
  if (problems.length > 0) throw new InputError('certificates of registries', problems);
  return registries.map((entry, index) => ({ ...entry, ca: read[index] }));
}

/** What nodes cannot reach is left out: without it they may reach the world, with it they reach nothing. */
function proxyOfEnvironment({ listener, workstation }: Session): ProxySpec | undefined {
  const found = pickProxies(workstation.env);
  const reachable = (name: string): string | undefined => {
    const url = found[name];
    if (!isLoopbackUrl(url)) return url;
    const message = `${name} ${loopbackProxy}: nodes pull images without it (${loopbackHint})`;
    listener({ type: 'note', level: 'warning', message });
    return undefined;
  };
  const [http, https] = [reachable('http_proxy'), reachable('https_proxy')];
  if (http === undefined && https === undefined) return undefined;
  const noProxy = (found['no_proxy'] ?? '').split(',').map((part) => part.trim());
  return { http, https, noProxy: noProxy.filter((part) => part !== '') };
}

/**
 * What is in the archives, for a plan that needs to read none. Of those that are locked, the files are not needed: a layer
 * may have them.
 * @throws InputError with all that cannot be read, or are not what is locked
 */
export async function resolveImages(
  { host, paths, workstation: { local } }: Pick<Session, 'host' | 'paths' | 'workstation'>,
  { images = [], image: { lock } }: Pick<ClusterSpec, 'images' | 'image'>,
): Promise<ImageArchiveSpec[]> {
  if (images.length === 0) return [];
  const { arch } = await gatherKernel(host);
  const files = images.map(({ file }) => file);
  const locked = lockedArchives(lock);
  const missing = await Promise.all(
    files.map(async (file) => locked.has(file) && !(await local.stat(file, { follow: true }))),
  );
  const there = files.filter((_, index) => !missing[index]);
  const nameOf = (file: string): string => `images[${files.indexOf(file)}] (${file})`;
  const read = await learnAbout(there, archiveReader(there, nameOf, local, arch), { local, host, paths });
  const contents = files.map((file) => read[there.indexOf(file)] ?? locked.get(file));
  if (lock) refuseOthers(files, contents, locked);
  return files.map((file, index) => {
    const content = contents[index];
    return content ? { file, content } : { file };
  });
}

/** By file, as the config names it. */
function lockedArchives(lock: Lock | undefined): Map<string, ArchiveContent> {
  const archives = (lock?.layers ?? []).flatMap((layer) => (layer.kind === 'images' ? layer.archives : []));
  return new Map(archives.map(({ file, digest, images }) => [file, { digest, images }]));
}

/** @throws InputError */
function refuseOthers(
  files: readonly string[],
  contents: readonly (ArchiveContent | undefined)[],
  locked: ReadonlyMap<string, ArchiveContent>,
): void {
  const problems = files.flatMap((file, index): Problem[] => {
    const [found, wanted] = [contents[index]?.digest, locked.get(file)?.digest];
    if (found === wanted) return [];
    const message =
      wanted === undefined
        ? `${file} is not in ${lockFileName}`
        : `${file} has sha256 ${found ?? ''}, and ${lockFileName} has ${wanted}`;
    const hint = 'knest lock writes it anew; --no-lock does without it';
    return [{ path: `images[${index}]`, message, hint }];
  });
  if (problems.length > 0) throw new InputError('archives of images', problems);
}

type ArchiveContent = NonNullable<ImageArchiveSpec['content']>;

function archiveReader(
  files: readonly string[],
  nameOf: (file: string) => string,
  local: Host,
  arch: string,
): FileReader<ArchiveContent> {
  return {
    // an archive may have images for several
    kind: `images for ${arch}`,
    read: (wanted) => {
      const sources = wanted.map((index) => ({ file: files[index] ?? '', lasting: true }));
      const name = (at: number): string => nameOf(sources[at]?.file ?? '');
      return withArchives({ local, arch }, sources, name, (archives) =>
        Promise.all(
          archives.map(async ({ open, images }) => ({
            digest: await digestOf(open()),
            images: images.map(({ name }) => name),
          })),
        ),
      );
    },
    isValid: (value): value is ArchiveContent =>
      typeof value === 'object' &&
      value !== null &&
      'digest' in value &&
      typeof value.digest === 'string' &&
      'images' in value &&
      Array.isArray(value.images) &&
      value.images.every((name) => typeof name === 'string'),
  };
}
