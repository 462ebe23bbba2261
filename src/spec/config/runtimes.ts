/** The config file: container runtimes besides runc. */

import * as z from 'zod';
import { nameProblem, volumePathProblem } from '../values.ts';
import { checkedText } from './fields.ts';

const runtime = z.strictObject({
  name: checkedText(nameProblem).meta({
    description: 'Name of its RuntimeClass, by which pods choose it (`runtimeClassName`).',
  }),
  path: checkedText(volumePathProblem).meta({
    description:
      'Its program in the nodes: one that is called as runc is (`/usr/bin/crun`, with `image.packages: [crun]`), or a shim ' +
      'of containerd’s, called `containerd-shim-NAME-v2` (Kata Containers, gVisor).',
  }),
});

export const runtimesSchema = z.array(runtime).meta({
  description: 'Container runtimes besides runc, each with a RuntimeClass of its name.',
});
