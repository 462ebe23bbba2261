/** Objects of the cluster that knest-agent needs: what it may do, the Service that leads to it, its StorageClass. */

import type { Manifest } from './manifest.ts';
import { bindRole, rbacGroup } from './manifest.ts';

export type { Manifest } from './manifest.ts';

/** Members may do what the ClusterRoles of the same names allow. */
export const agentGroups = {
  dns: 'knest:dns',
  storage: 'knest:storage',
  networkPolicy: 'knest:network-policy',
} as const;

/** What watching something takes. */
export const read = ['get', 'list', 'watch'];

/** @param serviceAddress address of the Service kube-dns; undefined: the agents do not answer names */
export function agentObjects(serviceAddress: string | undefined): Manifest[] {
  const dns = serviceAddress === undefined ? [] : [...dnsRights, kubeDns(serviceAddress)];
  return [...dns, ...storageRights, ...networkPolicyRights, standardClass];
}

const dnsRights: Manifest[] = [
  {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: { name: agentGroups.dns },
    rules: [
      { apiGroups: [''], resources: ['namespaces', 'services'], verbs: read },
      { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: read },
    ],
  },
  binding('ClusterRole', agentGroups.dns),
  {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'Role',
    metadata: { name: agentGroups.dns, namespace: 'kube-system' },
    rules: [
      { apiGroups: [''], resources: ['endpoints'], resourceNames: ['kube-dns'], verbs: [...read, 'update'] },
      // nobody has a name before it is made: it cannot be limited to one
      { apiGroups: [''], resources: ['endpoints'], verbs: ['create'] },
      { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: [...read, 'create', 'patch'] },
    ],
  },
  binding('Role', agentGroups.dns, 'kube-system'),
];

const storageRights: Manifest[] = [
  {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: { name: agentGroups.storage },
    rules: [
      {
        apiGroups: [''],
        resources: ['persistentvolumes'],
        verbs: [...read, 'create', 'update', 'delete'],
      },
      { apiGroups: [''], resources: ['persistentvolumeclaims'], verbs: read },
      { apiGroups: [''], resources: ['nodes'], verbs: ['list'] },
      { apiGroups: ['storage.k8s.io'], resources: ['storageclasses'], verbs: read },
      { apiGroups: [''], resources: ['events'], verbs: ['create'] },
    ],
  },
  binding('ClusterRole', agentGroups.storage),
];

/** Also where policies are not enforced: a group without members may do nothing. */
const networkPolicyRights: Manifest[] = [
  {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: { name: agentGroups.networkPolicy },
    rules: [
      { apiGroups: ['networking.k8s.io'], resources: ['networkpolicies'], verbs: read },
      { apiGroups: [''], resources: ['namespaces', 'pods'], verbs: read },
      // those of kube-dns; lists and watches of a single name are what a name limits
      { apiGroups: [''], resources: ['endpoints'], resourceNames: ['kube-dns'], verbs: read },
    ],
  },
  binding('ClusterRole', agentGroups.networkPolicy),
];

/**
 * The Service that pods ask. Labels and port names are CoreDNS', which tools look for.
 * @param selector labels of the pods behind it; undefined: the agents put themselves there
 */
export function kubeDns(serviceAddress: string, selector?: Record<string, string>): Manifest {
  const port = (name: string, number: number, protocol: string) => ({
    name,
    port: number,
    protocol,
    targetPort: number,
  });
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      name: 'kube-dns',
      namespace: 'kube-system',
      labels: {
        'k8s-app': 'kube-dns',
        'kubernetes.io/cluster-service': 'true',
        'kubernetes.io/name': 'KubeDNS',
      },
      annotations: { 'prometheus.io/port': '9153', 'prometheus.io/scrape': 'true' },
    },
    spec: {
      clusterIP: serviceAddress,
      ...(selector && { selector }),
      ports: [port('dns', 53, 'UDP'), port('dns-tcp', 53, 'TCP'), port('metrics', 9153, 'TCP')],
    },
  };
}

const standardClass: Manifest = {
  apiVersion: 'storage.k8s.io/v1',
  kind: 'StorageClass',
  metadata: {
    name: 'standard',
    annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' },
  },
  provisioner: 'knest.dev/local-path',
  reclaimPolicy: 'Delete',
  volumeBindingMode: 'WaitForFirstConsumer',
};

/** Gives the group of the same name what the role of that name allows. */
export function binding(kind: 'Role' | 'ClusterRole', name: string, namespace?: string): Manifest {
  return bindRole(kind, name, { apiGroup: rbacGroup, kind: 'Group', name }, namespace);
}
