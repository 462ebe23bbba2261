/** What knest-agent may do for Services of type LoadBalancer. */

import { balancerName } from '../../agent/contract.ts';
import { binding, read } from './knest-agent.ts';
import type { Manifest } from './knest-agent.ts';

/** controller: gives addresses, on control planes. announcer: answers for them, on every node. */
export const loadBalancerGroups = {
  controller: 'knest:load-balancer',
  announcer: 'knest:announcer',
} as const;

const { controller, announcer } = loadBalancerGroups;
const own = { resourceNames: [balancerName] };

export const loadBalancerObjects: Manifest[] = [
  {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: { name: controller },
    rules: [
      { apiGroups: [''], resources: ['services', 'nodes'], verbs: read },
      { apiGroups: [''], resources: ['services/status'], verbs: ['patch'] },
      { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: read },
      { apiGroups: [''], resources: ['events'], verbs: ['create'] },
    ],
  },
  binding('ClusterRole', controller),
  {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'Role',
    metadata: { name: controller, namespace: 'kube-system' },
    rules: [
      { apiGroups: [''], resources: ['configmaps'], ...own, verbs: ['update'] },
      { apiGroups: ['coordination.k8s.io'], resources: ['leases'], ...own, verbs: [...read, 'update'] },
      // nobody has a name before it is made: it cannot be limited to one
      { apiGroups: [''], resources: ['configmaps'], verbs: ['create'] },
      { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['create'] },
    ],
  },
  binding('Role', controller, 'kube-system'),
  {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'Role',
    metadata: { name: announcer, namespace: 'kube-system' },
    rules: [{ apiGroups: [''], resources: ['configmaps'], ...own, verbs: read }],
  },
  binding('Role', announcer, 'kube-system'),
];
