/** The config file: settings of Kubernetes' components, for experts. */

import * as z from 'zod';
import { volumeCreations } from '../words.ts';
import { tomlProblem } from '../containerd-patches.ts';
import { flagNameProblem, flagValueProblem, volumePathProblem } from '../values.ts';
import { checkedText, mapping } from './fields.ts';

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
    etcd: settings('etcd'),
    kubeApiserver: settings('kube-apiserver'),
    kubeControllerManager: settings('kube-controller-manager'),
    kubeScheduler: settings('kube-scheduler'),
    kubelet: kubeletSchema.meta({ description: 'Settings of the kubelets.' }),
    kubeProxy: z
      .strictObject({ extraArgs, config: configFile('KubeProxyConfiguration') })
      .optional()
      .meta({ description: 'Settings of kube-proxy.' }),
    containerd: z
      .strictObject({ configPatches: patches })
      .optional()
      .meta({ description: 'Settings of containerd.' }),
  })
  .meta({ description: 'Settings of single components, on all nodes.' });
