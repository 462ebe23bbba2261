/** The config file: nodes. */

import * as z from 'zod';
import { hostPathTypes, mountPropagations, nodeRoles, protocols, taintEffects } from '../words.ts';
import {
  addressProblem,
  devicePathProblem,
  labelValueProblem,
  mountTargetProblem,
  nodeNameProblem,
  parseBytes,
  pathProblem,
  qualifiedNameProblem,
  sourceProblem,
  suiteProblem,
} from '../values.ts';
import { versionPattern, versionProblem } from '../kubernetes-version.ts';
import { kubeletSchema } from './components.ts';
import { checkedText, mapping, port, shortList, text } from './fields.ts';

const taint = z.strictObject({
  key: checkedText(qualifiedNameProblem).meta({ description: 'Name of the taint.' }),
  value: text(labelValueProblem).meta({ description: 'Its value. Default: none.' }),
  effect: z.enum(taintEffects).meta({ description: 'What it does to pods that do not tolerate it.' }),
});

const notBytes = 'must be a number of bytes or a quantity like 2Gi or 512Mi';

const resources = z.strictObject({
  cpus: z
    .number()
    .positive()
    .optional()
    .meta({ description: 'Processors; fractions are fine. Default: all.' }),
  memory: z
    .union([z.string(), z.int()], { error: notBytes })
    .superRefine((value, context) => {
      const bytes = parseBytes(value);
      if (bytes === undefined || bytes === 0) context.addIssue({ code: 'custom', message: notBytes });
    })
    .optional()
    .meta({ description: 'Memory: `2Gi`, `512Mi`, or bytes. Default: all.' }),
  tasks: z.int().min(1).optional().meta({ description: 'Processes and threads. Default: no limit.' }),
  ioWeight: z
    .int()
    .min(1)
    .max(10_000)
    .optional()
    .meta({
      description:
        'Share of the disks, 1 to 10000, beside everything else of the host, which has 100. Only where the kernel ' +
        'divides disks by weights (the schedulers BFQ and iocost). Default: 100.',
    }),
});

const extraMount = z.strictObject({
  hostPath: checkedText(pathProblem).meta({
    description: 'File or directory of the host, an absolute path.',
  }),
  containerPath: checkedText(mountTargetProblem).meta({ description: 'Where the node sees it.' }),
  readOnly: z.boolean().optional().meta({ description: 'Default: false.' }),
  type: z
    .enum(hostPathTypes)
    .optional()
    .meta({
      description:
        'What is at hostPath, in the words of Kubernetes’ hostPath volumes: `Directory`, `File`, `Socket`, `CharDevice`, ' +
        '`BlockDevice`; `DirectoryOrCreate` and `FileOrCreate` make it when it is missing; `""` takes what is there, else ' +
        'makes a directory (as kind and Docker do). Default: anything, and it must be there.',
    }),
  propagation: z.enum(mountPropagations).optional().meta({
    description: '`HostToContainer`: what the host mounts there later, the node sees as well. Default: None.',
  }),
});

const portMapping = z.strictObject({
  containerPort: port('Port of the node.'),
  hostPort: port('Port of the host. Default: one that is free.').optional(),
  listenAddress: text(addressProblem).meta({
    description: 'Address of the host; `127.0.0.1` works, too. Default: every address.',
  }),
  protocol: z.enum(protocols).optional().meta({ description: 'Default: TCP.' }),
});

const nodeSchema = z.strictObject({
  name: text(nodeNameProblem).meta({
    description:
      'Name of the node, which begins with that of the cluster: `lab-worker3`. Default: NAME-control-plane, ..., NAME-worker, ' +
      '..., in the order of the list.',
  }),
  role: z.enum(nodeRoles).meta({ description: 'What the node does: `control-plane` or `worker`.' }),
  labels: mapping(qualifiedNameProblem, checkedText(labelValueProblem)).meta({
    description: 'Labels of the node.',
  }),
  taints: z.array(taint).optional().meta({
    description:
      'Taints of the node. Default: of a control plane those of kubeadm when the cluster has workers, else none.',
  }),
  suite: text(suiteProblem).meta({ description: 'Debian suite of this node. Default: the cluster’s.' }),
  kubernetesVersion: text(versionProblem).meta({
    pattern: versionPattern.source,
    description: 'Kubernetes version of this node, said in the same ways. Default: the cluster’s.',
  }),
  source: text(sourceProblem).meta({
    description: 'Where this node’s Kubernetes comes from. Default: the cluster’s source.',
  }),
  resources: resources.optional().meta({ description: 'What the node may use at most.' }),
  extraMounts: z.array(extraMount).optional().meta({
    description: 'Files and directories of the host that the node sees as well.',
  }),
  devices: z
    .array(checkedText(devicePathProblem))
    .optional()
    .meta({
      description:
        'Devices of the host that the node has as well: `/dev/kvm`, a folder (`/dev/snd`), a pattern (`/dev/dri/*`). One that ' +
        'is not there is left out, with a warning. Every node has `/dev/fuse`, `/dev/net/tun` and loop devices.',
    }),
  cdi: z
    .boolean()
    .optional()
    .meta({
      description:
        'GPUs and other devices by the Container Device Interface: the node sees `/etc/cdi` and `/var/run/cdi` of the host. ' +
        'The device nodes themselves belong into `devices`. Default: false.',
    }),
  extraPortMappings: shortList(portMapping, 3000).optional().meta({
    description: 'Ports of the host that lead to ports of the node.',
  }),
  kubelet: kubeletSchema.meta({
    description: 'Settings of this node’s kubelet, over those of `components`.',
  }),
});

export const nodesSchema = z.array(nodeSchema).meta({
  description:
    'The nodes: one control plane or more, and workers. They are called NAME-control-plane, NAME-control-plane2, ..., ' +
    'NAME-worker, NAME-worker2, ... Default: one control plane.',
});
