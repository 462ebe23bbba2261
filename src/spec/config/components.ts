/** The config file: settings of Kubernetes' components, for experts. */

import * as z from 'zod';
import { volumeCreations } from '../words.ts';
import { tomlProblem } from '../containerd-patches.ts';
import {
  componentSourceProblem,
  componentVersionPattern,
  componentVersionProblem,
  flagNameProblem,
  flagValueProblem,
  volumePathProblem,
} from '../values.ts';
import { checkedText, mapping, text } from './fields.ts';

const extraArgs = mapping(flagNameProblem, checkedText(flagValueProblem)).meta({
  description: 'More flags, by name without dashes: `{ v: "4" }`. They win over knest’s own.',
});

const extraVolume = z.strictObject({
  hostPath: checkedText(volumePathProblem).meta({ description: 'File or directory of the node.' }),
  mountPath: checkedText(volumePathProblem).meta({ description: 'Where the component sees it.' }),
  readOnly: z.boolean().optional().meta({ description: 'Default: false.' }),
  create: z.enum(volumeCreations).optional().meta({
    description: 'What to make when it is missing. Default: none.',
  }),
});

const extraVolumes = z.array(extraVolume).optional().meta({
  description: 'Paths of the node that the component sees elsewhere.',
});

const origin = {
  source: text(componentSourceProblem).meta({
    description:
      'Where it comes from: `suite` (the nodes’ Debian suite), `release` (its project’s releases or a mirror of them), an ' +
      'absolute path to a directory with its binaries, or `auto`: the suite’s where it is good enough for the node’s ' +
      'Kubernetes, else a release. Default: auto.',
  }),
  version: text(componentVersionProblem).meta({
    pattern: componentVersionPattern.source,
    description:
      'Version of the release: `2.3.4`. Default: the one that knest knows to go with the node’s Kubernetes.',
  }),
};

function settings(component: string) {
  return z
    .strictObject({ extraArgs, extraVolumes })
    .optional()
    .meta({ description: `Settings of ${component}.` });
}

function configFile(name: string) {
  return z
    .record(z.string(), z.unknown())
    .optional()
    .meta({ description: `Merged into its \`${name}\` (RFC 7386: \`null\` takes a field away).` });
}

const patches = z.array(checkedText(tomlProblem)).optional().meta({
  description: 'TOML texts, merged into its configuration in this order.',
});

/** Of a node's kubelet, or of all. */
export const kubeletSchema = z
  .strictObject({ extraArgs, config: configFile('KubeletConfiguration') })
  .optional();

export const componentsSchema = z
  .strictObject({
    etcd: z
      .strictObject({ extraArgs, extraVolumes, ...origin })
      .optional()
      .meta({ description: 'Settings of etcd.' }),
    kubeApiserver: settings('kube-apiserver'),
    kubeControllerManager: settings('kube-controller-manager'),
    kubeScheduler: settings('kube-scheduler'),
    kubelet: kubeletSchema.meta({ description: 'Settings of the kubelets.' }),
    kubeProxy: z
      .strictObject({ extraArgs, config: configFile('KubeProxyConfiguration') })
      .optional()
      .meta({ description: 'Settings of kube-proxy.' }),
    containerd: z
      .strictObject({ configPatches: patches, ...origin })
      .optional()
      .meta({ description: 'Settings of containerd.' }),
    runc: z.strictObject(origin).optional().meta({ description: 'Where runc comes from.' }),
    cniPlugins: z.strictObject(origin).optional().meta({ description: 'Where the CNI plugins come from.' }),
  })
  .meta({ description: 'Settings of single components, on all nodes.' });
