import { digestOf } from '../../artifacts/images-layer.ts';
import { learnAbout } from '../../artifacts/known-files.ts';
import type { FileReader } from '../../artifacts/known-files.ts';
import { InputError } from '../../errors.ts';
import type { Problem } from '../../errors.ts';
import type { Host } from '../../host/types.ts';
import { pickProxies } from '../../observe/host/gather.ts';
import { gatherKernel } from '../../observe/host/kernel.ts';
import { isLoopbackUrl, loopbackHint, loopbackProxy } from '../../spec/validate/registries.ts';
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
    images: spec.images && (await resolveImages(session, spec.images)),
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

/** What is in the archives, for a plan that needs to read none. */
export async function resolveImages(
  { host, paths, workstation: { local } }: Pick<Session, 'host' | 'paths' | 'workstation'>,
  images: readonly ImageArchiveSpec[],
): Promise<ImageArchiveSpec[]> {
  const { arch } = await gatherKernel(host);
  const files = images.map(({ file }) => file);
  const contents = await learnAbout(files, archiveReader(files, local, arch), { local, host, paths });
  return files.map((file, index) => {
    const content = contents[index];
    return content ? { file, content } : { file };
  });
}

type ArchiveContent = NonNullable<ImageArchiveSpec['content']>;

function archiveReader(files: readonly string[], local: Host, arch: string): FileReader<ArchiveContent> {
  return {
    // an archive may have images for several
    kind: `images for ${arch}`,
    read: (wanted) => {
      const sources = wanted.map((index) => ({ file: files[index] ?? '', lasting: true }));
      const nameOf = (at: number): string => `images[${wanted[at] ?? ''}] (${sources[at]?.file ?? ''})`;
      return withArchives({ local, arch }, sources, nameOf, (archives) =>
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
