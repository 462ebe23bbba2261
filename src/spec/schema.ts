/** The config file: its fields, their types and what is said about them in the reference. */

import { z } from 'zod';
import {
  maximumNameLength,
  namePattern,
  nameProblem,
  nodePrefixes,
  podPrefixes,
  servicePrefixes,
  sourceProblem,
  subnetProblem,
  suiteProblem,
  urlProblem,
  versionPattern,
  versionProblem,
} from './values.ts';

export const apiVersion = 'knest.dev/v1alpha1';
export const configKind = 'Cluster';

const network = z
  .strictObject({
    mode: z.enum(['bridge']).optional().meta({
      description:
        'How nodes reach each other and the world. `bridge`: a bridge of their own and NAT. Default: bridge.',
    }),
    nodeSubnet: text((value) => subnetProblem(value, nodePrefixes)).meta({
      description:
        'IPv4 subnet of the nodes, /8 to /28. Default: the first of knest’s own that is free on the host.',
    }),
    podSubnet: text((value) => subnetProblem(value, podPrefixes)).meta({
      description:
        'IPv4 subnet of the pods, /8 to /22: each node gets a /24 of it. Default: one that is free.',
    }),
    serviceSubnet: text((value) => subnetProblem(value, servicePrefixes)).meta({
      description: 'IPv4 subnet of the services, /12 to /24. Default: one that is free.',
    }),
  })
  .meta({ description: 'The network of the cluster.' });

const node = z.strictObject({
  role: z
    .enum(['control-plane', 'worker'])
    .meta({ description: 'What the node does: `control-plane` or `worker`.' }),
});

export const configSchema = z
  .strictObject({
    apiVersion: z.literal(apiVersion).meta({ description: `Format of the file: \`${apiVersion}\`.` }),
    kind: z.literal(configKind).meta({ description: `What the file describes: \`${configKind}\`.` }),
    name: text(nameProblem).meta({
      pattern: namePattern.source,
      maxLength: maximumNameLength,
      description: `Name of the cluster, a DNS label of at most ${maximumNameLength} characters. Default: knest.`,
    }),
    kubernetesVersion: text(versionProblem).meta({
      pattern: versionPattern.source,
      description: 'Kubernetes version, with or without "v": `v1.20.2`. Default: what the source gives.',
    }),
    source: text(sourceProblem).meta({
      description:
        'Where the Kubernetes binaries come from: `release` (the project’s download server or a mirror of it), ' +
        '`debian` (compiled from Debian’s source package), an absolute path to a directory of binaries, or `auto`: ' +
        'release when it answers, else debian. Default: auto.',
    }),
    releaseMirror: text(urlProblem).meta({
      description: 'Base URL of a mirror of the project’s download server, for the source `release`.',
    }),
    suite: text(suiteProblem).meta({
      description: 'Debian suite of the nodes’ root file system: `trixie`, `bookworm`, ... Default: trixie.',
    }),
    mirror: text(urlProblem).meta({ description: 'Debian mirror (http or https). Default: the host’s own.' }),
    manager: z
      .enum(['auto', 'systemd', 'direct'])
      .optional()
      .meta({
        description:
          'Who runs the machines: `systemd` (the host’s own), `direct` (knest itself, for hosts without systemd) or ' +
          '`auto`: systemd where the host runs it. Default: auto.',
      }),
    network: network.optional(),
    nodes: z.array(node).optional().meta({
      description: 'The nodes. This version makes one control-plane node. Default: one control-plane node.',
    }),
  })
  .meta({
    title: 'knest cluster',
    description: 'A cluster, as `knest create cluster --config FILE` reads it.',
  });

/** A config file that has passed the schema; nothing defaulted, nothing normalised. */
export type Config = z.infer<typeof configSchema>;

/** An optional string for which `problem` finds nothing wrong. */
function text(problem: (value: string) => string | undefined) {
  return z
    .string()
    .superRefine((value, context) => {
      const message = problem(value);
      if (message !== undefined) context.addIssue({ code: 'custom', message });
    })
    .optional();
}
