import { pipeline, Transform } from 'node:stream';
import type { Readable } from 'node:stream';

import type { NodeImage } from '../../agent/contract.ts';
import type { MachineManager } from '../../managers/types.ts';
import { parallel, runSequence, serial } from '../../apply/runner.ts';
import type { Step } from '../../apply/runner.ts';
import type { ArchiveImage } from '../../artifacts/image-archive.ts';
import { KnestError } from '../../errors.ts';
import type { Progress } from '../../events.ts';
import { gatherKernel } from '../../observe/host/kernel.ts';
import { pollUntil } from '../../poll.ts';
import type { MachinePlan } from '../../plan/types.ts';
import { requireCluster } from '../../state/clusters.ts';
import { importImagesCommand } from '../../tools/ctr.ts';
import { withArchives } from '../../artifacts/open-archives.ts';
import type { ArchiveSource, OpenArchive } from '../../artifacts/open-archives.ts';
import { chooseMachines, imagesOfMachine } from './list-images.ts';
import { openManager } from '../find-machines.ts';
import { openSession } from '../session.ts';
import type { Session } from '../session.ts';
import type { Context } from '../types.ts';

export interface LoadedImage {
  node: string;
  image: string;
  /** Where it came from: an archive, or the engine that had it. */
  file: string;
  /** present: the node had exactly this image under this name already. */
  state: 'loaded' | 'present';
}

export interface LoadOptions extends Context {
  name: string;
  /** "-" and /dev/stdin: `stdin`. Pipes work as well. Compressed ones (gzip, xz, zstd, bzip2) as well. */
  files: readonly string[];
  nodes?: readonly string[];
  /** Default: this process's own. */
  stdin?: Readable;
}

/**
 * Brings docker-save or OCI-layout archives into the nodes' containerd, all nodes side by side. An archive whose images
 * a node has already is not sent to it: they are compared by name and digest. A node has an archive's images or, when
 * loading fails, what it had before.
 * @throws InputError with all files that are no such archive, KnestError for unknown clusters and nodes
 */
export async function loadImageArchive(options: LoadOptions): Promise<LoadedImage[]> {
  const target = await openTarget(options);
  const { workstation } = target.session;
  const sources = options.files.map((file) =>
    standardInput.has(file) ? { file: 'stdin', input: options.stdin ?? workstation.stdin() } : { file },
  );
  return loadSources(target, sources);
}

/** Nodes that images go to. */
export interface LoadTarget {
  session: Session;
  manager: MachineManager;
  machines: readonly MachinePlan[];
}

/** @throws KnestError for unknown clusters and nodes */
export async function openTarget(
  options: Pick<LoadOptions, 'name' | 'nodes'> & Context,
): Promise<LoadTarget> {
  const session = openSession(options);
  const { plan } = await requireCluster(session.host, session.paths, options.name);
  const machines = chooseMachines(plan, options.nodes);
  return { session, manager: await openManager(session), machines };
}

/** Brings archives into nodes: see loadImageArchive. */
export async function loadSources(
  { session, manager, machines }: LoadTarget,
  sources: readonly ArchiveSource[],
): Promise<LoadedImage[]> {
  const { host, listener, signal, workstation } = session;
  const { arch } = await gatherKernel(host);
  const nameOf = (index: number): string => sources[index]?.file ?? '';
  return withArchives({ local: workstation.local, arch }, sources, nameOf, async (archives) => {
    warnOfArchitectures(session, archives, arch);
    const before = await Promise.all(machines.map((machine) => imagesOfMachine(manager, machine)));
    const results: LoadedImage[] = [];
    const steps = machines.map((machine, index) =>
      // one after the other: a node unpacks no faster when it unpacks two
      serial(
        ...archives.map((archive) =>
          loadStep({ session, manager, machine, archive, present: before[index] ?? [] }, results),
        ),
      ),
    );
    await runSequence(parallel(...steps), listener, signal);
    return inOrder(machines, results);
  });
}

/** By node, in the order of the cluster. */
export function inOrder(machines: readonly MachinePlan[], results: LoadedImage[]): LoadedImage[] {
  const order = machines.map(({ name }) => name);
  return results.sort((a, b) => order.indexOf(a.node) - order.indexOf(b.node));
}

/** Its names. Where it is a socket, as under ssh, it cannot be opened by one of them. */
const standardInput = new Set(['-', '/dev/stdin', '/dev/fd/0', '/proc/self/fd/0']);

interface Load {
  session: Session;
  manager: MachineManager;
  machine: MachinePlan;
  archive: OpenArchive;
  present: readonly NodeImage[];
}

function loadStep({ session, manager, machine, archive, present }: Load, results: LoadedImage[]): Step {
  const { file, open, images } = archive;
  const note = (state: (image: ArchiveImage) => LoadedImage['state']): void => {
    const node = machine.name;
    results.push(...images.map((image) => ({ node, image: image.name, file, state: state(image) })));
  };
  return {
    id: `load/${machine.name}/${file}`,
    title: `${images.map(({ name }) => name).join(', ')} in ${machine.name}`,
    done: () => {
      const all = images.every((image) => has(present, image));
      if (all) note(() => 'present');
      return Promise.resolve(all);
    },
    run: async ({ progress, signal }) => {
      const argv = await manager.enterCommand(machine, importImagesCommand(), 'dumb');
      const input = pipeline(open(), counted(progress), () => undefined);
      await session.host.run(argv, { input, signal });
      await waitUntilKnown(manager, machine, images, signal);
      note((image) => (has(present, image) ? 'present' : 'loaded'));
    },
  };
}

/** Tells now and then how much has gone through it. What an archive holds is not known before its end. */
function counted(progress: Progress): Transform {
  let bytes = 0;
  let told = 0;
  return new Transform({
    transform: (chunk: Buffer, _encoding, done) => {
      bytes += chunk.length;
      if (bytes - told >= tellEvery) {
        told = bytes;
        progress(`sent ${Math.round(bytes / 1e6)} MB`);
      }
      done(undefined, chunk);
    },
    flush: (done) => {
      progress(`sent ${Math.round(bytes / 1e6)} MB, containerd is unpacking them`);
      done();
    },
  });
}

/** Bytes. */
const tellEvery = 1e6;

/** An archive that does not tell the digest is always sent. */
export function has(present: readonly NodeImage[], { name, id }: Pick<ArchiveImage, 'name' | 'id'>): boolean {
  return id !== undefined && present.some((image) => image.id === id && image.tags.includes(name));
}

/** Milliseconds. containerd tells its CRI plugin of a new image by an event, a moment after the import has ended. */
const patience = 20_000;
const interval = 50;

/** A pod that wants the image can be made at once. */
async function waitUntilKnown(
  manager: MachineManager,
  machine: MachinePlan,
  images: readonly ArchiveImage[],
  signal: AbortSignal,
): Promise<void> {
  let missing: readonly ArchiveImage[] = images;
  const error = (): KnestError =>
    new KnestError(
      `containerd in ${machine.name} took the archive, and its images are not there: ` +
        missing.map(({ name }) => name).join(', '),
      { code: 'IMAGES_NOT_LOADED', hint: `look what it says: knest logs ${machine.name} -u containerd` },
    );
  await pollUntil({ interval, limit: { timeout: patience, error }, signal }, async () => {
    const known = await imagesOfMachine(manager, machine);
    missing = images.filter(
      ({ name, id }) =>
        !known.some((image) => image.tags.includes(name) && (id === undefined || image.id === id)),
    );
    return missing.length === 0 ? { value: undefined } : undefined;
  });
}

function warnOfArchitectures({ listener }: Session, archives: readonly OpenArchive[], arch: string): void {
  for (const { name, architecture } of archives.flatMap(({ images }) => images)) {
    if (architecture === undefined || architecture === arch) continue;
    const message = `${name} is for ${architecture}, and the nodes are ${arch}: its programs may not run`;
    listener({ type: 'note', level: 'warning', message });
  }
}
