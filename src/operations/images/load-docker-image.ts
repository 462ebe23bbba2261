import { findInEngines, saveFromEngine } from '../../artifacts/engine-images.ts';
import type { EngineImage } from '../../artifacts/engine-images.ts';
import { wholeImageName } from '../../formats/image-name.ts';
import type { EngineName } from '../../spec/words.ts';
import type { Context } from '../types.ts';
import { imagesOfMachine } from './list-images.ts';
import { has, inOrder, loadSources, openTarget } from './load-images.ts';
import type { LoadedImage } from './load-images.ts';

export interface LoadDockerImageOptions extends Context {
  /** The cluster's. */
  name: string;
  /** As the engine calls them: "app", "registry.example/app:1". */
  images: readonly string[];
  /** Only this engine; default: for each image the first that has it. */
  from?: EngineName;
  nodes?: readonly string[];
}

/**
 * Brings images of the user's container engine (Docker, podman, nerdctl, containerd) into the nodes' containerd, all nodes
 * side by side. What all of the nodes have already is not even written by the engine.
 * @throws InputError with all images that no engine has, KnestError for unknown clusters and nodes
 */
export async function loadDockerImage(options: LoadDockerImageOptions): Promise<LoadedImage[]> {
  const target = await openTarget(options);
  const { session, manager, machines } = target;
  const { listener, signal, workstation } = session;
  const images = await findInEngines(workstation, options.images, options.from);
  const present = await Promise.all(machines.map((machine) => imagesOfMachine(manager, machine)));
  const isEverywhere = ({ name, id }: EngineImage): boolean =>
    present.every((node) => has(node, { name: wholeImageName(name), id }));
  const known = images.filter(isEverywhere);
  const wanted = images.filter((image) => !known.includes(image));
  // one archive of each engine: images that share layers have them in it once
  const sources = [...new Set(wanted.map(({ engine }) => engine))].map((engine) => {
    const names = wanted.filter((image) => image.engine === engine).map(({ name }) => name);
    listener({ type: 'note', level: 'info', message: `${engine.title} writes ${names.join(', ')}` });
    return { file: engine.title, input: saveFromEngine(workstation, engine, names, signal) };
  });
  const loaded = sources.length === 0 ? [] : await loadSources(target, sources);
  const unchanged = machines.flatMap(({ name: node }) =>
    known.map(({ name, engine }): LoadedImage => ({
      ...{ node, image: wholeImageName(name), file: engine.title, state: 'present' },
    })),
  );
  return inOrder(machines, [...loaded, ...unchanged]);
}
