/** What of policies, pods and namespaces decides who may talk to whom; as the API server sends them. */

import type { KubernetesObject } from '../../clients/kubernetes/objects.ts';

export interface LabelSelector {
  matchLabels?: Record<string, string>;
  matchExpressions?: { key: string; operator: string; values?: string[] }[];
}

/** networking.k8s.io/v1 */
export interface NetworkPolicyObject extends KubernetesObject {
  spec?: {
    podSelector?: LabelSelector;
    policyTypes?: string[];
    ingress?: { from?: PeerObject[]; ports?: PortObject[] }[];
    egress?: { to?: PeerObject[]; ports?: PortObject[] }[];
  };
}

export interface PeerObject {
  podSelector?: LabelSelector;
  namespaceSelector?: LabelSelector;
  ipBlock?: { cidr: string; except?: string[] };
}

export interface PortObject {
  protocol?: string;
  /** A number, or the name of a container's port. */
  port?: number | string;
  endPort?: number;
}
