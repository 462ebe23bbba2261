/** knest-agent, as a program that is run inside a machine and ends. */

import * as z from 'zod';
import type { NodeImage } from '../agent/contract.ts';

/** Prints the images of the machine. @param agent path of the program, @param socket containerd's, both in the machine */
export function listImagesCommand(agent: string, socket: string): string[] {
  return ['/usr/bin/node', agent, 'images', socket];
}

const images = z.array(
  z.object({ id: z.string(), tags: z.array(z.string()), digests: z.array(z.string()), size: z.number() }),
);

/** @throws Error when it is not what listImagesCommand prints */
export function parseImages(text: string): NodeImage[] {
  return images.parse(JSON.parse(text));
}
