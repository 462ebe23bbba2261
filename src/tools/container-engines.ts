/** Programs that keep container images on a machine: docker(1), podman(1), nerdctl, and ctr of containerd itself. */

import * as z from 'zod';
import { wholeImageName } from '../formats/image-name.ts';

/** What an engine is told; each begins with a program. */
interface EngineCommands {
  /** Fails, or prints nothing, where it has no such image. */
  inspect: (image: string) => string[];
  /** Writes an archive of the images to standard output. */
  save: (images: readonly string[]) => string[];
}

export const engineCommands = {
  docker: {
    inspect: (image) => ['docker', 'image', 'inspect', image],
    save: (images) => ['docker', 'image', 'save', ...images],
  },
  podman: {
    inspect: (image) => ['podman', 'image', 'inspect', image],
    // without the flag, names after the first one would be other names of the first image
    save: (images) => [
      'podman',
      'image',
      'save',
      '--format=docker-archive',
      '--multi-image-archive',
      ...images,
    ],
  },
  nerdctl: {
    inspect: (image) => ['nerdctl', 'image', 'inspect', image],
    save: (images) => ['nerdctl', 'image', 'save', ...images],
  },
  // ctr takes no short names; the namespace is that of $CONTAINERD_NAMESPACE, else "default"
  containerd: {
    inspect: (image) => ['ctr', 'images', 'list', '--quiet', `name==${wholeImageName(image)}`],
    save: (images) => ['ctr', 'images', 'export', '-', ...images.map(wholeImageName)],
  },
} as const satisfies Readonly<Record<string, EngineCommands>>;

export type EngineName = keyof typeof engineCommands;

/** A rootless engine keeps its images for the user who runs it, and finds them by these variables. */
export function asUserCommand(
  user: { name: string; uid: number; home: string },
  argv: readonly string[],
): string[] {
  const variables = [`HOME=${user.home}`, `XDG_RUNTIME_DIR=/run/user/${user.uid}`];
  return ['runuser', `--user=${user.name}`, '--', 'env', ...variables, ...argv];
}

const inspected = z.array(z.object({ Id: z.string() }));

/**
 * What `inspect` printed of an image that is there.
 * @returns undefined: there is none. The id is the digest of its configuration or manifest, which one depends on how the
 * engine stores images; without one the engine does not tell
 */
export function parseInspected(engine: EngineName, stdout: string): { id?: string } | undefined {
  if (engine === 'containerd') return stdout.trim() === '' ? undefined : {};
  const [image] = inspected.parse(JSON.parse(stdout));
  if (!image) return undefined;
  // podman leaves the algorithm out
  return { id: /^[0-9a-f]{64}$/.test(image.Id) ? `sha256:${image.Id}` : image.Id };
}
