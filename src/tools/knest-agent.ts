/** knest-agent, as a program that is run inside a machine and ends. */

import * as z from 'zod';
import { containerdSocket } from '../plan/components/containerd.ts';
import { agentPath } from '../plan/components/knest-agent.ts';
import type { NodeImage } from '../agent/images/list-images.ts';

/** Prints the images of the machine. */
export function listImagesCommand(): string[] {
  return ['/usr/bin/node', agentPath, 'images', containerdSocket];
}

const images = z.array(
  z.object({ id: z.string(), tags: z.array(z.string()), digests: z.array(z.string()), size: z.number() }),
);

/** @throws Error when it is not what listImagesCommand prints */
export function parseImages(text: string): NodeImage[] {
  return images.parse(JSON.parse(text));
}
