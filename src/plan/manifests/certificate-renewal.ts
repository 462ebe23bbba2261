/** Renewal of nodes' certificates: who may ask for one, and who may sign it. */

import { renewalSigner } from '../../agent/contract.ts';
import { binding, read } from './knest-agent.ts';
import type { Manifest } from './manifest.ts';

/** Members may do what the ClusterRoles of the same names allow: all agents, and those of control planes. */
export const renewalGroups = { node: 'knest:renewal', signer: 'knest:renewal-signer' } as const;

const group = 'certificates.k8s.io';

export const renewalObjects: Manifest[] = [
  {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: { name: renewalGroups.node },
    rules: [{ apiGroups: [group], resources: ['certificatesigningrequests'], verbs: ['create', 'get'] }],
  },
  binding('ClusterRole', renewalGroups.node),
  {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: { name: renewalGroups.signer },
    rules: [
      { apiGroups: [group], resources: ['certificatesigningrequests'], verbs: read },
      {
        apiGroups: [group],
        resources: ['certificatesigningrequests/approval', 'certificatesigningrequests/status'],
        verbs: ['update'],
      },
      {
        apiGroups: [group],
        resources: ['signers'],
        resourceNames: [renewalSigner],
        verbs: ['approve', 'sign'],
      },
      { apiGroups: [''], resources: ['nodes'], verbs: ['get'] },
    ],
  },
  binding('ClusterRole', renewalGroups.signer),
];
