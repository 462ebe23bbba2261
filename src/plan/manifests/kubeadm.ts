/** Objects that kubeadm leaves in a cluster and that tools look for. */

import { stringify } from 'yaml';

import type { ClusterContext, MachineContext } from '../components/component.ts';
import { pkiFolder } from '../components/component.ts';
import type { Manifest } from './manifest.ts';
import { bindRole, rbacGroup } from './manifest.ts';

type Cluster = Pick<ClusterContext, 'name' | 'endpoint' | 'podSubnets' | 'serviceSubnets'>;
type Machine = Pick<MachineContext, 'kubernetesVersion' | 'traits'>;

/**
 * Stands for a file of the machine in base64, within any text of an object. The plan is pure: it names certificates and
 * does not know what is in them.
 */
export function fileInBase64(path: string): string {
  return `@base64:${path}@`;
}

/**
 * @param machine a control plane
 * @param proxyConfig its KubeProxyConfiguration as YAML; undefined: there is no kube-proxy
 */
export function kubeadmObjects(
  cluster: Cluster,
  machine: Machine,
  proxyConfig: string | undefined,
): Manifest[] {
  return [
    ...clusterInfo(cluster),
    kubeadmConfig(cluster, machine),
    ...(proxyConfig === undefined ? [] : [kubeProxyConfig(proxyConfig)]),
  ];
}

/** Installers read the mode and the pods' subnets of kube-proxy here. */
function kubeProxyConfig(text: string): Manifest {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: {
      name: 'kube-proxy',
      namespace: 'kube-system',
      labels: { app: 'kube-proxy' },
      annotations: {
        'knest.dev/made-by':
          'knest, for tools that read it; kube-proxy is a unit of each node and is changed by components.kubeProxy.config',
      },
    },
    data: { 'config.conf': text },
  };
}

/**
 * Where the cluster is and who signs for it: for those who have a bootstrap token, and for those who have nothing, as
 * reading it needs no identity. The controller `bootstrapsigner` adds a signature for every token.
 */
function clusterInfo({ endpoint }: Cluster): Manifest[] {
  const namespace = 'kube-public';
  const role = 'kubeadm:bootstrap-signer-clusterinfo';
  const kubeconfig = stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      {
        name: '',
        cluster: { 'certificate-authority-data': fileInBase64(`${pkiFolder}/ca.crt`), server: endpoint },
      },
    ],
    contexts: [],
    'current-context': '',
    preferences: {},
    users: [],
  });
  return [
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'cluster-info', namespace },
      data: { kubeconfig },
    },
    {
      apiVersion: `${rbacGroup}/v1`,
      kind: 'Role',
      metadata: { name: role, namespace },
      rules: [
        { apiGroups: [''], resources: ['configmaps'], resourceNames: ['cluster-info'], verbs: ['get'] },
      ],
    },
    bindRole('Role', role, { apiGroup: rbacGroup, kind: 'User', name: 'system:anonymous' }, namespace),
  ];
}

/**
 * The cluster was not made by kubeadm, and kubeadm cannot upgrade it. But installers of networks and the like read the
 * subnets here, and have nowhere else to look where components are no pods.
 */
function kubeadmConfig(
  { name, endpoint, podSubnets, serviceSubnets }: Cluster,
  { kubernetesVersion, traits }: Machine,
): Manifest {
  const configuration = {
    apiVersion: `kubeadm.k8s.io/${traits.kubeadmApi}`,
    kind: 'ClusterConfiguration',
    clusterName: name,
    kubernetesVersion,
    controlPlaneEndpoint: endpoint.replace('https://', ''),
    networking: {
      dnsDomain: 'cluster.local',
      podSubnet: podSubnets.join(','),
      serviceSubnet: serviceSubnets.join(','),
    },
  };
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: {
      name: 'kubeadm-config',
      namespace: 'kube-system',
      annotations: {
        'knest.dev/made-by': 'knest, for tools that read the subnets here; kubeadm was not used',
      },
    },
    data: { ClusterConfiguration: stringify(configuration) },
  };
}
