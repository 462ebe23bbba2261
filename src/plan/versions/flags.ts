/**
 * Flags that users may know from an older version and that a component refuses since: it does not start with them. Those
 * that knest itself writes are in table.ts.
 */

import type { ClusterSpec } from '../../spec/types.ts';

type Component = Exclude<
  keyof ClusterSpec['components'],
  'containerd' | 'etcd' | 'kubeProxy' | 'sources' | 'mirror'
>;

export interface RemovedFlags {
  component: Component;
  flags: readonly string[];
  /** The last minor version that has them. */
  until: number;
  source: string;
  /** What to do without them. */
  instead: string;
}

const noDockershim = 'leave it out: it was about dockershim, and knest runs containerd';
const noPlainHttp = 'leave it out: there is only HTTPS, and it had no effect before';

export const removedFlags: readonly RemovedFlags[] = [
  {
    component: 'kubelet',
    flags: ['network-plugin', 'network-plugin-mtu', 'cni-bin-dir', 'cni-conf-dir', 'cni-cache-dir'],
    until: 23,
    source: 'CHANGELOG-1.24: dockershim removed',
    instead: noDockershim,
  },
  {
    component: 'kubelet',
    flags: ['docker-endpoint', 'image-pull-progress-deadline'],
    until: 23,
    source: 'CHANGELOG-1.24: dockershim removed',
    instead: noDockershim,
  },
  {
    component: 'kubelet',
    flags: ['dynamic-config-dir'],
    until: 23,
    source: 'CHANGELOG-1.24: DynamicKubeletConfig removed from the kubelet',
    instead: 'use components.kubelet.config',
  },
  {
    component: 'kubelet',
    flags: ['container-runtime'],
    until: 26,
    source: 'cmd/kubelet/app/options v1.27',
    instead: 'leave it out: the runtime is always a remote one',
  },
  {
    component: 'kubelet',
    flags: ['master-service-namespace'],
    until: 26,
    source: 'cmd/kubelet/app/options v1.27',
    instead: 'leave it out: it had no effect',
  },
  {
    component: 'kubelet',
    flags: ['keep-terminated-pod-volumes'],
    until: 30,
    source: 'CHANGELOG-1.31, Urgent Upgrade Notes (#122082)',
    instead: 'leave it out: it was deprecated since 2017',
  },
  {
    component: 'kubelet',
    flags: ['iptables-masquerade-bit', 'iptables-drop-bit'],
    until: 30,
    source: 'CHANGELOG-1.31 (#122363)',
    instead: 'leave it out: the kubelet makes no such rules any more',
  },
  {
    component: 'kubelet',
    flags: ['cloud-config'],
    until: 33,
    source: 'CHANGELOG-1.34, Urgent Upgrade Notes (#130161)',
    instead: 'leave it out: clouds have programs of their own for it',
  },
  {
    component: 'kubelet',
    flags: ['register-schedulable'],
    until: 33,
    source: 'CHANGELOG-1.34 (#122384)',
    instead: 'give the node a taint: nodes[].taints',
  },
  {
    component: 'kubelet',
    flags: ['pod-infra-container-image'],
    until: 34,
    source: 'CHANGELOG-1.35, Urgent Upgrade Notes (#133779)',
    instead: 'leave it out: containerd says which image it is',
  },
  {
    component: 'kubeApiserver',
    flags: ['insecure-port', 'insecure-bind-address', 'port', 'address'],
    until: 23,
    source: 'CHANGELOG-1.20, CHANGELOG-1.24 (#95856)',
    instead: noPlainHttp,
  },
  {
    component: 'kubeApiserver',
    flags: ['cloud-provider', 'cloud-config'],
    until: 32,
    source: 'CHANGELOG-1.33, Other (kube-apiserver: --cloud-provider and --cloud-config removed)',
    instead: 'leave it out: clouds have programs of their own for it',
  },
  {
    component: 'kubeControllerManager',
    flags: ['port', 'address'],
    until: 23,
    source: 'CHANGELOG-1.24',
    instead: noPlainHttp,
  },
  {
    component: 'kubeControllerManager',
    flags: ['pod-eviction-timeout', 'enable-taint-manager'],
    until: 26,
    source: 'cmd/kube-controller-manager/app/options v1.27',
    instead: 'leave it out: pods say how long they stay by their tolerations',
  },
  {
    component: 'kubeScheduler',
    flags: ['port', 'address'],
    until: 23,
    source: 'CHANGELOG-1.24',
    instead: noPlainHttp,
  },
  {
    component: 'kubeScheduler',
    flags: [
      'policy-config-file',
      'policy-configmap',
      'policy-configmap-namespace',
      'use-legacy-policy-config',
    ],
    until: 22,
    source: 'CHANGELOG-1.23: scheduler policy removed',
    instead: 'write a KubeSchedulerConfiguration and name it with --config',
  },
];
