/** What knest-agent may do for Ingresses, and the class of those that it serves. */

import { ingressClass, ingressController, ingressName } from '../../agent/contract.ts';
import { binding, read } from './knest-agent.ts';
import type { Manifest } from './manifest.ts';

/** Members may do what the roles of this name allow: agents of control planes. */
export const ingressGroup = 'knest:ingress';

const own = { resourceNames: [ingressName] };

/**
 * Secrets: those of type kubernetes.io/tls are what the agent reads, but rights know no types. Only control planes have this
 * group, whose machines hold the keys of the cluster and its etcd anyway.
 */
export const ingressObjects: Manifest[] = [
  {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: { name: ingressGroup },
    rules: [
      { apiGroups: ['networking.k8s.io'], resources: ['ingresses', 'ingressclasses'], verbs: read },
      { apiGroups: ['networking.k8s.io'], resources: ['ingresses/status'], verbs: ['patch'] },
      { apiGroups: [''], resources: ['services'], verbs: read },
      { apiGroups: [''], resources: ['secrets'], verbs: ['list', 'watch'] },
      { apiGroups: [''], resources: ['events'], verbs: ['create'] },
    ],
  },
  binding('ClusterRole', ingressGroup),
  {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'Role',
    metadata: { name: ingressGroup, namespace: 'kube-system' },
    rules: [
      { apiGroups: ['coordination.k8s.io'], resources: ['leases'], ...own, verbs: [...read, 'update'] },
      // nobody has a name before it is made: it cannot be limited to one
      { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['create'] },
    ],
  },
  binding('Role', ingressGroup, 'kube-system'),
];

/** The default one, until an administrator says otherwise: so manifests without a class work. */
export const ingressClassObject: Manifest = {
  apiVersion: 'networking.k8s.io/v1',
  kind: 'IngressClass',
  metadata: {
    name: ingressClass,
    annotations: { 'ingressclass.kubernetes.io/is-default-class': 'true' },
  },
  spec: { controller: ingressController },
};
