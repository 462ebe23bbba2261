import { readArchiveImages } from '../artifacts/image-archive.ts';
import { parallel, runSequence } from '../apply/runner.ts';
import { InputError, KnestError, messageOf } from '../errors.ts';
import type { MachinePlan } from '../plan/types.ts';
import { requireCluster } from '../state/clusters.ts';
import { importImagesCommand, withInputFile } from '../tools/ctr.ts';
import { openManager } from './machines.ts';
import { openSession } from './session.ts';
import type { Context } from './types.ts';

export interface LoadedArchive {
  node: string;
  file: string;
  images: string[];
}

/**
 * Brings docker-save or OCI-layout archives into the nodes' containerd, side by side.
 * @throws InputError when a file is no such archive, KnestError for unknown clusters and nodes
 */
export async function loadImageArchive(
  options: Context & { name: string; files: string[]; nodes?: string[] },
): Promise<LoadedArchive[]> {
  const session = openSession(options);
  const { host, paths, listener, signal } = session;
  const { plan } = await requireCluster(host, paths, options.name);
  const machines = chooseMachines(plan.machines, options.nodes, options.name);
  const archives = await Promise.all(
    options.files.map(async (file) => ({ file, images: await imagesOf(file) })),
  );
  const manager = await openManager(session);
  const steps = machines.flatMap((machine) =>
    archives.map(({ file, images }) => ({
      id: `load/${machine.name}/${file}`,
      title: `Load ${images.join(', ')} into ${machine.name}`,
      run: async () => {
        await host.run(
          withInputFile(file, await manager.enterCommand(machine, importImagesCommand(), 'dumb')),
        );
      },
    })),
  );
  await runSequence(parallel(...steps), listener, signal);
  return machines.flatMap(({ name }) => archives.map(({ file, images }) => ({ node: name, file, images })));
}

async function imagesOf(file: string): Promise<string[]> {
  try {
    return await readArchiveImages(file);
  } catch (error) {
    const message = messageOf(error);
    throw new InputError('load image-archive', [{ path: file, message }]);
  }
}

function chooseMachines(
  machines: readonly MachinePlan[],
  names: readonly string[] | undefined,
  cluster: string,
): readonly MachinePlan[] {
  if (names === undefined || names.length === 0) return machines;
  const unknown = names.filter((name) => !machines.some((machine) => machine.name === name));
  if (unknown.length > 0) {
    throw new KnestError(`cluster "${cluster}" has no node ${unknown.join(', ')}`, {
      kind: 'notFound',
      hint: `it has: ${machines.map(({ name }) => name).join(', ')}`,
    });
  }
  return machines.filter(({ name }) => names.includes(name));
}
