/** The config file: its fields, their types and what is said about them in the reference. */

import * as z from 'zod';
import { defaults, knownSuites, managers } from './words.ts';
import { backupSchema } from './config/backup.ts';
import { auditSchema, podSecuritySchema } from './config/api-server.ts';
import { certificatesSchema } from './config/certificates.ts';
import { componentsSchema } from './config/components.ts';
import { dnsSchema } from './config/dns.ts';
import { checkedText, mapping, text } from './config/fields.ts';
import {
  imagesSchema,
  manifestsSchema,
  proxySchema,
  registriesSchema,
  registrySchema,
} from './config/images.ts';
import { networkSchema } from './config/network.ts';
import { runtimesSchema } from './config/runtimes.ts';
import { nodesSchema } from './config/nodes.ts';
import { rootPasswordProblem } from './root-password.ts';
import {
  featureGateProblem,
  flagValueProblem,
  maximumNameLength,
  namePattern,
  nameProblem,
  packageProblem,
  runtimeConfigProblem,
  sourceProblem,
  suiteProblem,
  urlProblem,
} from './values.ts';
import { versionPattern, versionProblem } from './kubernetes-version.ts';

export const apiVersion = 'knest.dev/v1alpha1';
export const configKind = 'Cluster';

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
      description:
        'Kubernetes version: `v1.20.2`, a line (`v1.36`: its newest), or a label of the release server (`stable`, ' +
        '`stable-1.36`, `latest`). Without "v", a line needs quotes: to YAML 1.30 is a number. Default: what the ' +
        'source gives.',
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
    componentMirror: text(urlProblem).meta({
      description:
        'Base URL of a mirror of the releases of containerd, runc, the CNI plugins and etcd, with the layout of ' +
        'https://github.com. Default: https://github.com.',
    }),
    suite: text(suiteProblem).meta({
      description: `Debian suite of the nodes’ root file system: ${knownSuites.map((suite) => `\`${suite}\``).join(', ')}, ... Default: ${defaults.suite}.`,
    }),
    mirror: text(urlProblem).meta({ description: 'Debian mirror (http or https). Default: the host’s own.' }),
    image: z
      .strictObject({
        packages: z.array(checkedText(packageProblem)).optional().meta({
          description:
            'Debian packages that nodes have besides their own: `crun`, `apparmor`, `tcpdump`. From the same suite and mirror.',
        }),
      })
      .optional()
      .meta({ description: 'The nodes’ root file system.' }),
    manager: z
      .enum(managers)
      .optional()
      .meta({
        description:
          'Who runs the machines: `systemd` (the host’s own), `direct` (knest itself, for hosts without systemd) or ' +
          '`auto`: systemd where the host runs it. Default: auto.',
      }),
    rootPassword: text(rootPasswordProblem).meta({
      description:
        'Password of root in the nodes, for `machinectl login`: clear text, of which only the hash is kept, or a hash ' +
        '(`$6$...`, `$y$...`: `openssl passwd -6`, `mkpasswd`). Default: none; `knest shell` and `machinectl shell` ' +
        'need none.',
    }),
    featureGates: mapping(featureGateProblem, z.boolean()).meta({
      description:
        'Switches of Kubernetes, for every component that knows them: `{ InPlacePodVerticalScaling: true }`.',
    }),
    runtimeConfig: mapping(runtimeConfigProblem, checkedText(flagValueProblem)).meta({
      description: 'APIs to switch on and off, as kube-apiserver has them: `{ "api/alpha": "true" }`.',
    }),
    network: networkSchema.optional(),
    dns: dnsSchema.optional(),
    metrics: z
      .boolean()
      .optional()
      .meta({
        description:
          'Whether `kubectl top` and HorizontalPodAutoscalers work at once, by knest-agent; a metrics-server that you apply ' +
          'takes its place. Default: true.',
      }),
    ingress: z
      .boolean()
      .optional()
      .meta({
        description:
          'Whether Ingresses of class `knest`, the default class then, are served: by HAProxy at ports 80 and 443 of the control ' +
          'planes. Default: false.',
      }),
    backup: backupSchema.optional(),
    audit: auditSchema.optional(),
    podSecurity: podSecuritySchema.optional(),
    runtimes: runtimesSchema.optional(),
    registry: registrySchema.optional(),
    registries: registriesSchema.optional(),
    proxy: proxySchema.optional(),
    images: imagesSchema.optional(),
    manifests: manifestsSchema.optional(),
    certificates: certificatesSchema.optional(),
    components: componentsSchema.optional(),
    nodes: nodesSchema.optional(),
  })
  .meta({
    title: 'knest cluster',
    description: 'A cluster, as `knest create cluster --config FILE` reads it.',
  });

/** A config file that has passed the schema; nothing defaulted, nothing normalised. */
export type Config = z.infer<typeof configSchema>;
export type NodeConfig = NonNullable<Config['nodes']>[number];
