import { parallel, runSequence, runStep, sideBySide } from '../../apply/runner.ts';
import { findPackages } from '../../artifacts/find-packages.ts';
import { layerContent, layerPath } from '../../artifacts/layers.ts';
import { binariesFolder, kubernetesBinaries } from '../../artifacts/sources/binaries.ts';
import type { BuildContext } from '../../artifacts/types.ts';
import type { HostFacts } from '../../facts/types.ts';
import { gatherAptFacts } from '../../observe/host/gather.ts';
import { lockedRootfsId, rootfsLayer } from '../../plan/image.ts';
import type { RootfsLayer } from '../../plan/image.ts';
import { suiteOf } from '../../plan/node-components.ts';
import { choicesOf, plannedLayers, suitesOf } from '../../plan/spec-layers.ts';
import type { ComponentLayer, KubernetesChoice, PlannedLayer, ResolvedSource } from '../../plan/types.ts';
import { versionOfNode } from '../../plan/versions/problems.ts';
import { renderLock } from '../../spec/lock.ts';
import type { Lock, LockedKubernetes, LockedLayer } from '../../spec/lock.ts';
import type { ClusterSpec } from '../../spec/types.ts';
import { parseSha256, sha256Command } from '../../tools/sha256sum.ts';
import { writeUserFile } from '../../workstation/user-file.ts';
import { choose, makeHostFit } from '../phases/acquire.ts';
import { resolveImages } from '../phases/resolve-references.ts';
import { openSession } from '../session.ts';
import type { Session } from '../session.ts';
import { layerStep } from '../steps.ts';
import type { Context } from '../types.ts';

export interface LockOptions extends Context {
  /** A lock in it does not count. */
  spec: ClusterSpec;
  /** Where to write the lock; one that is there is replaced. */
  file: string;
  /** Version of this knest. */
  knest: string;
  /** May install missing host packages. */
  yes?: boolean;
}

export interface LockResult {
  file: string;
  lock: Lock;
}

/**
 * Settles what the layers of a cluster's nodes are made of, by what mirrors, servers and files have now, makes these layers,
 * and writes all of it down.
 * @throws KnestError, InputError for what cannot be had or made; the file is then as it was
 */
export async function lockCluster(options: LockOptions): Promise<LockResult> {
  const session = openSession(options);
  const { host, paths, listener, signal, workstation } = session;
  const { suite, mirror, packages } = options.spec.image;
  const unlocked = { ...options.spec, image: { suite, mirror, ...(packages && { packages }) } };
  const seen = await makeHostFit(session, unlocked, { install: options.yes ?? false });
  const facts = { ...seen, apt: seen.apt ?? (await gatherAptFacts(host)) };
  const spec = { ...unlocked, images: await resolveImages(session, unlocked) };
  const kubernetes = await choose(session, spec, facts);
  listener({
    type: 'note',
    level: 'info',
    message: `Kubernetes ${kubernetes.cluster.version}: ${kubernetes.cluster.reason}`,
  });
  const systems = await settleSystems(session, spec, facts);
  const all = plannedLayers(spec, facts, kubernetes).map(
    (layer) => systems.find((system) => layer.kind === 'rootfs' && layer.suite === system.suite) ?? layer,
  );
  await runSequence(parallel(...all.map((layer) => layerStep(session, facts, layer))), listener, signal);
  const locked = await runStep(
    {
      id: 'lock',
      title: 'What the layers hold',
      run: async ({ progress, signal: own }) => {
        const context = { host, user: workstation, paths, facts, progress, signal: own };
        const contents = await Promise.all(all.map(({ id }) => layerContent(id, context)));
        const contentOf = (id: string) => contents[all.findIndex((layer) => layer.id === id)] ?? '';
        return lockedLayers({ spec, kubernetes, layers: all, contentOf, context });
      },
    },
    listener,
    signal,
  );
  const lock: Lock = { version: 1, knest: options.knest, arch: facts.arch, layers: locked };
  await writeUserFile(workstation, options.file, renderLock(lock), 0o644);
  return { file: options.file, lock };
}

/** The root file systems of all suites, with the packages that they are made of now. */
async function settleSystems(session: Session, spec: ClusterSpec, facts: HostFacts): Promise<RootfsLayer[]> {
  const { host, paths, workstation, listener, signal } = session;
  return sideBySide(
    signal,
    ...suitesOf(spec).map((suite) => async (both: AbortSignal): Promise<RootfsLayer> => {
      const layer = rootfsLayer({ ...spec.image, suite }, facts);
      const step = {
        id: `packages/${suite}` as const,
        title: `Packages of Debian ${suite}`,
        run: ({ progress, signal: own }: Pick<BuildContext, 'progress' | 'signal'>) =>
          findPackages(layer, `${paths.cache}/build/packages-${suite}-${process.pid}`, {
            ...{ host, user: workstation, paths, facts, progress },
            signal: own,
          }),
      };
      const locked = await runStep(step, listener, both);
      return { ...layer, id: lockedRootfsId(spec.image, locked, facts.arch), locked };
    }),
  );
}

interface ToLock {
  spec: ClusterSpec;
  kubernetes: KubernetesChoice;
  layers: readonly PlannedLayer[];
  contentOf: (id: string) => string;
  context: BuildContext;
}

async function lockedLayers(work: ToLock): Promise<LockedLayer[]> {
  const { layers, contentOf } = work;
  const locked: LockedLayer[] = [];
  for (const layer of layers) {
    const { id } = layer;
    const content = contentOf(id);
    if (layer.kind === 'rootfs' && layer.locked) {
      const { packages: asked = [] } = work.spec.image;
      locked.push({
        id,
        kind: 'rootfs',
        ...(asked.length > 0 && { asked: [...asked] }),
        ...layer.locked,
        content,
      });
    } else if (layer.kind === 'kubernetes') locked.push(...(await lockedKubernetes(layer, work)));
    else if (layer.kind === 'component') locked.push(lockedComponentOf(layer, work));
    else if (layer.kind === 'images') {
      const archives = layer.archives.map(({ file, digest, images }) => ({
        file,
        digest,
        images: [...images],
      }));
      locked.push({ id, kind: 'images', archives, content });
    }
  }
  return locked;
}

function lockedComponentOf(
  { id, component, version, source, sha256 }: ComponentLayer,
  { spec, kubernetes, contentOf }: ToLock,
): LockedLayer {
  const having = spec.nodes.filter(
    ({ name }) => kubernetes.components?.[name]?.[component]?.layer?.id === id,
  );
  const nodes = having.map((node) => ({
    suite: suiteOf(node, spec.image),
    kubernetes: versionOfNode(kubernetes, node) ?? '',
  }));
  return {
    ...{ id, kind: 'component', component },
    ...(version === undefined ? {} : { version }),
    ...{ source, ...(sha256 === undefined ? {} : { sha256 }) },
    nodes: [...new Map(nodes.map((each) => [JSON.stringify(each), each])).values()],
    content: contentOf(id),
  };
}

/** One entry for each way in which this layer was asked for. */
async function lockedKubernetes(
  { id, version, source }: PlannedLayer & { kind: 'kubernetes' },
  { spec, kubernetes, contentOf, context: { host, paths } }: ToLock,
): Promise<LockedKubernetes[]> {
  const files = kubernetesBinaries.map((name) => `${layerPath(paths, id)}${binariesFolder}/${name}`);
  const sums = parseSha256((await host.run(sha256Command(files))).stdout);
  const binaries = Object.fromEntries(kubernetesBinaries.map((name, index) => [name, sums[index] ?? '']));
  const asked = choicesOf(spec, kubernetes).filter(({ choice }) => choice.layerId === id);
  return [...new Set(asked.map(({ wanted }) => wanted))].map((wanted) => ({
    ...{ id, kind: 'kubernetes', version },
    ...(wanted === undefined ? {} : { wanted }),
    ...{ source: lockedSource(source), binaries, content: contentOf(id) },
  }));
}

/** Without what is this host's own. */
function lockedSource(source: ResolvedSource): LockedKubernetes['source'] {
  return source.kind === 'debian' ? { kind: 'debian', suite: source.suite } : source;
}
